"""
What follows once a run is applied: an export to be started, or a URL to be called.

A URL may hold a secret behind its `?`.  So it is known by its name, which is what stands before;
only who calls it looks the whole of it up.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from impexd.core.text import shown

EXPORT = "export:"


def name(target: str) -> str:
    """Pure: what a target is called wherever it is shown or kept."""
    if target.startswith(EXPORT):
        return target
    plain = target.partition("#")[0].partition("?")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def found(named: str, targets: Iterable[str]) -> list[str]:
    """Pure: the targets of this name, each once, in order."""
    return [target for target in dict.fromkeys(targets) if name(target) == named]


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
