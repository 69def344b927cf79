"""
The chain: a flag becomes tasks, a task is sent until its outcome is known, its success raises the next flag.

`flags` makes the tasks, `tell` sends them, `decide` is what people do about them, `why` tells what
became of each event.  `hearing` and `fate` decide; they are pure.
"""
