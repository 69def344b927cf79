"""
`impexd verify`: what was received is imported, rejected, a duplicate or pending, and nothing else.

`journal` holds runs against their parts and jobs, `folders` against work, archive and failed, `outbox`
against what was published, `tables` against the records, `orders` messages and tasks against orders;
`run` puts them together.  Each gives
`Difference`s: what is wrong, and what a person can do about it.
"""
