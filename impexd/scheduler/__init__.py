"""
The scheduler: what is on a schedule comes due, once, and somebody is told to do it.

`entries` says what is on a schedule, `due` decides about the moments that have come, `fire`
journals them and puts the work into the queue, in one transaction.  `wake` is only the alarm
clock: whoever is woken looks at the timetable for what is due, so an alarm too many, too late
or lost (the clock jumped, the loop was busy, the daemon was off for a week) costs nothing.
`tasks` is the work itself, as the queue carries it out, `after` what follows an applied run.
"""
