"""
What follows once a run is applied: an export to be started, or a URL to be called.

A URL with a secret in it stands in a place of its own, `{ file = "reindex.url" }`, and is known by
that place; only who calls it looks it up.  One that stands in the configuration is known by what is
before its `?`.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from impexd.core.text import shown
from impexd.model.secret import Secret

EXPORT = "export:"

Target = str | Secret
"""`export:NAME`, a URL, or where a URL is kept."""

_TELLING = re.compile(
    r"token|secret|passw|pwd|auth|credential|signature|session|(^|[-_.])(api)?-?_?key$|^(sig|pass|code)$",
    re.IGNORECASE,
)
"""Names of parameters that secrets have."""
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_~.-]{20,}")
"""Values that nobody thinks of."""


def name(target: Target) -> str:
    """Pure: what a target is called wherever it is shown or kept."""
    if isinstance(target, Secret):
        kept = target.model_dump(exclude_none=True)
        return next(f"{place}:{what}" for place, what in kept.items())
    if target.startswith(EXPORT):
        return target
    plain = target.partition("#")[0].partition("?")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def found(named: str, targets: Iterable[Target]) -> list[Target]:
    """Pure: the targets of this name, each once, in order."""
    return [target for target in dict.fromkeys(targets) if name(target) == named]


def telling(url: str) -> str:
    """Pure: name the parameter of a URL that looks as if it held a secret; "" if none does."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return next((key for key, one in pairs if _TELLING.search(key) or _RANDOM.fullmatch(one)), "")


def url_fault(target: str) -> str:
    """Pure: say what is wrong with a URL; "" if nothing is."""
    try:
        parts = urlsplit(target)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https"):
        return 'an export group or a URL is wanted here, like "export:prices" or "https://..."'
    if not host:
        return "this URL names no host"
    if parts.username is not None or parts.password is not None:
        return "a user or a password does not belong into a URL"
    if parts.fragment:
        return f"`#{shown(parts.fragment, limit=40)}` means nothing to a server"
    if not target.isascii() or not target.isprintable() or " " in target:
        return "a URL is of plain ASCII characters, without spaces"
    return ""
