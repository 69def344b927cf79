"""
Places to die at, for tests.

`hit("after_claim")` does nothing unless the environment says
`IMPEXD_FAIL=after_claim:kill` (or `after_claim:kill:3`, the third time): then the
process ends as by kill -9.  Crash tests walk through `KNOWN`.  `after_claim:hang` hangs there for
good, with the thread it is called in, so that what watches over that thread can be tested.
"""

import os
import signal
import time

KNOWN: dict[str, str] = {
    "claim.journalled": "journal row committed, file still in the inbox",
    "claim.renamed": "file in work, nothing of it looked at (copy mode: copied, not journalled)",
    "copy.journalled": "copy journalled as ours, original still in the inbox",
    "claim.synced": "file in work and hashed, hash not journalled (copy mode: original gone)",
    "claim.done": "claimed, or found a duplicate, and the job that carries on is there",
    "adopt.journalled": "a file that a person named: journal row committed, not copied",
    "adopt.copied": "a file that a person named: copied into work, journal not told",
    "bundle.begun": "attempts counted for small files that are carried as one, no worker asked",
    "bundle.planned": "stage of a bundle complete, nothing applied",
    "bundle.rows": "rows of a bundle written, verdicts not yet",
    "bundle.committed": "verdicts of a bundle committed, no file archived",
    "bundle.shelved": "all of a bundle archived and journalled, jobs of the others still there",
    "run.begun": "attempt counted, no worker asked",
    "stage.going": "a worker is in the middle of it",
    "stage.done": "stage complete, nothing applied",
    "rejects.written": "rejects written, nothing applied",
    "apply.begun": "inside the transaction, before the first row",
    "apply.rows": "rows written, verdict not yet",
    "apply.verdict": "rows and verdict written, not committed",
    "apply.committed": "verdict committed, file not archived",
    "refuse.committed": "refused for good, file not in failed",
    "report.written": "report written, file not archived",
    "archive.linked": "file in the archive and in work",
    "archive.done": "file archived, journal not told",
    "archive.journalled": "journal says where the file is, job not ended",
    "export.journalled": "export journalled with the job that carries it, nothing written",
    "export.going": "a worker is in the middle of the draft",
    "export.drafted": "draft complete, journal not told",
    "export.written": "draft and its hash journalled, no name in the outbox",
    "export.linked": "file in the outbox under its name, journal not told",
    "export.published": "published and journalled, draft still there, no companions",
    "export.accompanied": "companions there, run not ended",
    "send.uploaded": "complete at the target under a draft's name, its own journalled, not given",
    "send.placed": "at the target under its name, journal not told",
    "flags.made": "inside the transaction: tasks made, their flags closed, not committed",
    "task.sending": "task frozen and marked as being sent, nothing sent",
    "task.sent": "the partner has answered, the outcome is not written",
    "task.settled": "outcome and next flag committed, job not ended",
    "undo.begun": "inside the transaction, before the first row is taken back",
    "undo.rows": "rows taken back, verdict not yet",
    "undo.committed": "undone and journalled, job not ended",
}
"""Every failpoint, with what is true there."""

_armed = os.environ.get("IMPEXD_FAIL", "")
_hits: dict[str, int] = {}


def hit(name: str) -> None:
    """Die here by SIGKILL, or hang, if the environment asks for it; KeyError for a name not in `KNOWN`."""
    if not _armed:
        return
    KNOWN[name]
    where, _, rest = _armed.partition(":")
    if where != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    turn = rest.partition(":")[2] or "1"
    if _hits[name] == int(turn):
        while rest.startswith("hang"):
            time.sleep(3600)
        os.kill(os.getpid(), signal.SIGKILL)
