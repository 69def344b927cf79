"""
Formats: bytes to rows, streaming, under limits.

`registry` has the reader of each format and what writes its rejects.  `encoding` makes text of bytes, `header` finds
the wanted columns, `rows` holds each row against the header: those are common to all formats of
rows.  `zip` gives the members of an archive as streams.
"""
