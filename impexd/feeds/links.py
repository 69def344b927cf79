"""The `Link` header (RFC 8288): where the next page is.  Pure."""

import re

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))""", re.IGNORECASE)


def following(header: str) -> str | None:
    """Pure: the target of the link whose relation is `next`; None if there is none."""
    for target, parameters in _LINK.findall(header[:16_384]):
        rel = _REL.search(parameters)
        if rel is not None and "next" in (rel[1] or rel[2] or "").casefold().split():
            return str(target).strip()
    return None
