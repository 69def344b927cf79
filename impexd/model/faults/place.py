"""What is wrong with the places of an instance: its database, its inboxes, its socket."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlsplit

from impexd.model.faults import Fault, listener, quoted
from impexd.model.instance import Instance

SOCKET = 107
"""Longest path of a unix socket, in bytes."""

ROOMS = ("work", "archive", "failed", "outbox", "log", "state")
"""Folders below var that are ours alone."""

ELSEWHERE = 'write the URL into a file that only its owner may read, and say url_file = "..."'


def faults(instance: Instance) -> Iterator[Fault]:
    """Pure: all that is wrong with impexd.toml beyond its types."""
    said = [key for key in ("url", "url_file", "credential") if getattr(instance.store, key)]
    if len(said) > 1:
        yield Fault(
            ("store", said[1]), f"only one of {', '.join(said)} can say where the database is"
        )
    if instance.store.url is not None and (reason := url(instance.store.url)):
        yield Fault(("store", "url"), reason)
    if reason := written(instance.instance.var, up=True):
        yield Fault(("instance", "var"), reason)
    if instance.store.url_file is not None and (
        reason := written(instance.store.url_file, up=True)
    ):
        yield Fault(("store", "url_file"), reason)
    if reason := written(instance.control.socket):
        yield Fault(("control", "socket"), reason)
    if len(os.fsencode(instance.control.socket)) > SOCKET:
        yield Fault(("control", "socket"), f"the path of a socket may have {SOCKET} bytes")
    yield from listener.faults(instance.admin)
    yield from listener.webhooks(instance.webhooks)
    for position, root in enumerate(instance.instance.roots):
        if reason := written(root) or (
            "" if root.startswith("/") else "an absolute path is wanted here"
        ):
            yield Fault(("instance", "roots", position), reason)


def url(text: str, *, inline: bool = True) -> str:
    """
    Pure: say what is wrong with a database URL, without saying it again; "" if nothing is.

    `inline`: it stands in the configuration itself, where a password must not be.
    """
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password" in parse_qs(
            parts.query, keep_blank_values=True
        )
    except ValueError:
        return "this is no URL"
    match parts.scheme:
        case "sqlite":
            path = text.removeprefix("sqlite:///")
            if path == text or path.strip("/") in ("", ":memory:") or "?" in path:
                return "write sqlite:///NAME.db for a file below var, sqlite:////DIR/NAME.db for any other"
            return written(path)
        case "postgresql":
            if secret and inline:
                return f"holds a password, which must not stand in the configuration; {ELSEWHERE}"
            return (
                ""
                if parts.path.strip("/")
                else "names no database; write postgresql://USER@HOST/DATABASE"
            )
        case _:
            return "a URL that begins with sqlite:/// or postgresql:// is wanted here"


def written(path: str, *, up: bool = False) -> str:
    """Pure: say what is wrong with a path as it is written; `up`: it may lead upwards."""
    if not path or "\0" in path:
        return "a path is wanted here"
    if path.startswith("~"):
        return "`~` is not known here, write the whole path"
    if ".." in PurePosixPath(path).parts and not up:
        return f"{quoted(path)} leads upwards (..); write the whole path from / on"
    return ""


def within(inner: Path, outer: Path) -> bool:
    """Pure: is this folder the other one, or inside of it?"""
    return inner == outer or outer in inner.parents


def inboxes(
    found: Mapping[str, tuple[str, Path]], *, var: Path, etc: Path, roots: Sequence[Path]
) -> Iterator[tuple[str, str]]:
    """
    Pure: say (group, what) for every inbox that stands where none may be.

    `found` gives for each group its path as written and as it really is, links followed; so are the others.
    """
    seen: dict[str, Path] = {}
    for group, (path, real) in found.items():
        if reason := _misplaced(path, real, var=var, etc=etc, roots=roots):
            yield group, reason
            continue
        for other, place in seen.items():
            if real == place:
                yield group, f"{quoted(str(real))} is the inbox of group {other} already"
            elif within(real, place) or within(place, real):
                how = "inside" if within(real, place) else "around"
                yield (
                    group,
                    f"{quoted(str(real))} is {how} the inbox of group {other}, {quoted(str(place))}",
                )
        seen[group] = real


def _misplaced(path: str, real: Path, *, var: Path, etc: Path, roots: Sequence[Path]) -> str:
    name = quoted(str(real))
    if within(var, real) or within(etc, real):
        return f"{name} holds the folders of impexd itself; choose one of its own"
    for room in ROOMS:
        if within(real, var / room):
            return f"{name} is in {quoted(str(var / room))}, where impexd keeps its own"
    if within(real, etc) and not within(var, etc):
        return f"{name} is in the configuration"
    if not path.startswith("/") and not within(real, var):
        return f"{quoted(path)} leads out of var, to {name}; if that is meant, write the whole path"
    if roots and not any(within(real, place) for place in (var, *roots)):
        return f"{name} is in none of the folders that instance.roots allows"
    return ""
