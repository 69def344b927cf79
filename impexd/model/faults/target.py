"""What is wrong with where the files of an export group go: keys of another kind, what is missing."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from impexd.model.faults import Fault, place, quoted
from impexd.model.target import KEYS, Target


def faults(target: Target, *, whole: bool = True) -> Iterator[Fault]:
    """Pure: all that is wrong with `[target]`; paths start below it.  Not `whole`: some was left out."""
    for key in sorted(target.model_fields_set - {"kind", "path"} - KEYS[target.kind]):
        owner = next(kind for kind, keys in KEYS.items() if key in keys)
        yield Fault((key,), f'belongs to kind = "{owner}", and this target is "{target.kind}"')
    match target.kind:
        case "local":
            if target.path is not None and (reason := place.written(target.path)):
                yield Fault(("path",), reason)
        case "sftp":
            yield from _sftp(target) if whole else ()
            if target.path is not None and not _plain(target.path):
                yield Fault(("path",), f"{quoted(target.path)} is no folder on a server")
        case "s3":
            if target.bucket is None and whole:
                yield Fault((), "an s3 target needs `bucket`")
            yield from _s3(target)


def _sftp(target: Target) -> Iterator[Fault]:
    for key in ("host", "user", "known_hosts"):
        if getattr(target, key) is None:
            why = {
                "host": "the server",
                "user": "whom to log in as",
                "known_hosts": "a file with the server's key: ssh-keyscan HOST > etc/known_hosts, "
                "then compare it with what the partner says",
            }[key]
            yield Fault((), f"an sftp target needs `{key}`, {why}")
    if target.key is None and target.password is None:
        yield Fault((), "an sftp target needs a way to log in, `key` or `password`")


def _s3(target: Target) -> Iterator[Fault]:
    if target.path is not None and (not _plain(target.path) or target.path.startswith("/")):
        yield Fault(("path",), f"{quoted(target.path)} is nothing that keys can begin with")
    if target.endpoint is None:
        return
    if reason := _endpoint(target.endpoint, http=target.allow_http):
        yield Fault(("endpoint",), reason)


def _plain(path: str) -> bool:
    """Pure: is this a path of plain steps?"""
    steps = path.strip("/").split("/")
    return path.isprintable() and bool(path) and not {"", ".", ".."} & set(steps)


def _endpoint(text: str, *, http: bool) -> str:
    """Pure: say what is wrong with the URL of a store, without saying it again."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "a URL is wanted here, like https://s3.example"
    if parts.username is not None or parts.password is not None or parts.query:
        return "a user, a password or a query does not belong into this URL"
    if parts.scheme == "http" and not http:
        return "goes without encryption; say allow_http = true if that is meant"
    return ""
