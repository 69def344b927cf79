"""
Everything that is done later.

`jobs.opened` gives a `Queue`: `enqueue` in the transaction of the row the job is about, and
`work` carries jobs out.  Behind it is Procrastinate, on PostgreSQL by its own connector, on
SQLite by a small one of ours in the same file.  Nobody outside this room knows its name.

What holds, on both engines:

- A job exists if and only if the transaction that enqueued it was committed.
- It is carried out at least once.  Whoever holds it MAY lose it (a stopped machine, a slow
  disk) and go on unknowing, so what it does to the tables must be fenced, by `Job.attempt`
  or by a number of the run.  The queue fences itself: who lost a job cannot end it.
- Jobs with one lock run one at a time, higher priority first, then in the order in which
  they were enqueued, also after a crash.  So a job that waits (for `not_before`, or to be
  tried again) holds up those behind it with its lock and the same or a lower priority;
  one of a higher priority passes it.
- Of jobs with the same `once` at most one waits.  They are interchangeable: one that has to
  be tried again gives way to one that waits already.
- A task that raises a passing `ImpexError` is tried again, later each time, for ever.
  Anything else it raises is a fault: the job is kept as failed, and logged once.
- A job whose worker died is put back: at the next start if the daemon is the only one,
  else when the worker's heartbeat has been missing for `stalled_after`.
"""
