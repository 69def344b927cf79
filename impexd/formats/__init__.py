"""
Formats: bytes to rows, streaming, under limits.

`registry` has the reader of each format and what writes its rejects.  `encoding` makes text of
bytes, `header` finds the wanted columns, `rows` holds each row against the header: those are
common to formats of cells; `json_rows` is the end of both of JSON.  `zip` gives the
members of an archive as streams, `gzip` the one file that is packed.
"""
