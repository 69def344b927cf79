"""
Being told: what operators ought to know, found in the tables, kept, and sent by mail or webhook.

`look` finds it: from the state of things and not from events, so that a crash loses none of it; each
matter is kept once (`notice`) with those it goes to (`notice_post`), in one transaction with the job that
sends it.  `send` gathers what waits for a recipient into one letter, and tries again until it has gone.
"""
