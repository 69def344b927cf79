"""
Foreign text, made fit to be shown.

What partners send (names, cells) may hold control characters, lone surrogates and
megabytes.  Everything shown, logged or reported passes through here once.
"""

SAMPLE = 200
"""Longest sample of foreign text that is shown, in characters (promise I7)."""


def shown(text: str | bytes, *, limit: int = SAMPLE) -> str:
    """Pure: one printable line of at most `limit` characters; controls and surrogates escaped."""
    if isinstance(text, bytes):
        text = text[: limit * 4 + 1].decode("utf-8", "backslashreplace")
    cut = text[: limit + 1]
    clean = cut if cut.isprintable() else "".join(map(_escaped, cut))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
