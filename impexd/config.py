"""
The configuration: all of `etc/` becomes one frozen `Config`, or one list of all its mistakes.

Takes the path of impexd.toml or its folder.  Files are read once; each is checked for its form,
then all of them against each other (`model.faults`).  The secret of the database is in no
`Config`: `store_url` fetches it where it is used.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impexd import plugins
from impexd.core import secret
from impexd.core.errors import ConfigError
from impexd.core.text import shown
from impexd.imports import cell
from impexd.imports.values import Bad
from impexd.model import after, etc, hearing, outbound
from impexd.model.config import Config, body, inbox, real
from impexd.model.descriptor import Column
from impexd.model.document import Document, Mistake, parse
from impexd.model.entity import Field
from impexd.model.faults import Fault, Judge, place, quoted
from impexd.model.group import ImportGroup
from impexd.model.instance import Control, Instance, Place, Store
from impexd.model.secret import Secret
from impexd.model.target import SECRETS, Target

__all__ = ["Config", "convertible", "load", "store_url"]

MAIN = "impexd.toml"
FOLDERS = ("entities", "descriptors", "groups", "exporters", "feeds")
LARGEST = 4 << 20
"""Bytes of a single file; what is larger is no configuration."""


def load(
    path: Path, *, judge: Judge | None = None, changed: Mapping[str, str] | None = None
) -> Config:
    """
    Read impexd.toml (or its folder) and all that stands beside it; ConfigError with every mistake.

    `judge` says whether a text of the configuration is a value of its field; the import's own
    conversion if none is given.  `changed`: files (`descriptors/x.toml`) that are taken to say
    something else than they do, or to be there.
    """
    home, main = _found(path)
    mistakes: list[Mistake] = []
    files = etc.Files(
        _document(main, f"{home.name}/{shown(main.name)}", mistakes),
        **{folder: _documents(home, folder, mistakes, changed or {}) for folder in FOLDERS},
    )
    parsed = etc.read(files, judge=judge or convertible, kinds=plugins.exporters())
    mistakes += parsed.mistakes
    mistakes += _places(home, parsed, files)
    mistakes += _secrets(home, parsed, files)
    if mistakes:
        hint = "`impexd init DIR` writes an instance with every key explained"
        raise ConfigError([str(one) for one in sorted(set(mistakes))], hint=hint)
    return Config.from_json(body(home, parsed))


def control_socket(path: Path) -> Path:
    """
    Give the socket a daemon of this configuration listens on, however wrong the rest of it is.

    Takes the path of impexd.toml or its folder.  A daemon goes on with its old configuration while
    a new one is being written, and must be reached all the same.
    """
    home, main = _found(path)
    try:
        tree = tomllib.loads(secret.regular(main, LARGEST).decode())
    except (OSError, ValueError):
        tree = {}
    var = _said(tree, "instance", "var") or Place().var
    return real(home / var) / (_said(tree, "control", "socket") or Control().socket)


def store_url(config: Config) -> str:
    """
    Give the URL of the database, its secret fetched: `sqlite:////ABSOLUTE` or `postgresql://...`.

    Never to be shown or kept.  ConfigError if the file with the secret is not to be had.
    """
    text, wrong = _url(config.etc, config.instance.store)
    if wrong:
        raise ConfigError([f"{config.etc.name}/{MAIN}: store: {wrong}"])
    if text.startswith("sqlite:///"):
        return f"sqlite:///{config.var / text.removeprefix('sqlite:///')}"
    return text


def convertible(text: str | None, field: Field, column: Column) -> str:
    """Pure: say why the import could not convert this text; "" if it could."""
    try:
        cell.finishing(column, field)(text)
    except Bad as bad:
        return f"{quoted(text or column.default or '')} does not do: {bad}"
    return ""


def _said(tree: Mapping[str, Any], table: str, key: str) -> str:
    """Pure: give a text of an unchecked file, "" if there is none."""
    inner = tree.get(table)
    value = inner.get(key) if isinstance(inner, dict) else None
    return value if isinstance(value, str) and "\0" not in value else ""


def _places(home: Path, parsed: etc.Etc, files: etc.Files) -> Iterator[Mistake]:
    """Look at what the disk has to say: links, folders in each other, the file with the secret."""
    said = parsed.instance.instance
    if place.written(said.var, up=True):
        return
    var = real(home / said.var)
    found: dict[str, tuple[str, Path]] = {}
    for name, group in parsed.groups.items():
        path = group.inbox.path
        document = files.groups[name]
        if document is not None and path is not None and (reason := place.written(path)):
            yield document.mistake(Fault(("inbox", "path"), reason))
        else:
            found[name] = (path or "", inbox(group, name, var))
    roots = [real(Path(root)) for root in said.roots if not place.written(root)]
    for name, reason in place.inboxes(found, var=var, etc=home, roots=roots):
        if document := files.groups[name]:
            yield document.mistake(Fault(("inbox", "path"), reason))
    for name, group in parsed.groups.items():
        if document := files.groups[name]:
            said_of = _kept_urls(home, group, parsed.instance)
            yield from (document.mistake(fault) for fault in said_of)
    for name, export in parsed.exports.items():
        if document := files.groups[name]:
            yield from (document.mistake(fault) for fault in _target(home, export.target))
    store = parsed.instance.store
    if files.main and store.url_file and (reason := _url(home, store)[1]):
        yield files.main.mistake(Fault(("store", "url_file"), reason))


def _kept_urls(home: Path, group: ImportGroup, instance: Instance) -> Iterator[Fault]:
    """Look at the URLs that follow runs and are kept in files."""
    for position, target in enumerate(group.after):
        if isinstance(target, Secret) and target.file:
            url, wrong = secret.fetched(home, file=target.file)
            wrong = wrong or after.url_fault(url) or outbound.fault(instance.outbound, url)
            if wrong:
                yield Fault(("after", position), f"{quoted(target.file)}: {wrong}")


def _target(home: Path, target: Target) -> Iterator[Fault]:
    """Look whether what a target is reached with is there: the key of its server, our secrets."""
    if target.known_hosts is not None:
        try:
            secret.regular(home / target.known_hosts, LARGEST)
        except OSError as error:
            what = f"{quoted(target.known_hosts)} cannot be read: {error.strerror}"
            yield Fault(("target", "known_hosts"), what)
    for key in SECRETS:
        kept = getattr(target, key)
        # The rest is there when the daemon runs, not when somebody checks.
        if kept is not None and kept.file and (reason := secret.fetched(home, file=kept.file)[1]):
            yield Fault(("target", key, "file"), reason)


def _secrets(home: Path, parsed: etc.Etc, files: etc.Files) -> Iterator[Mistake]:
    """Look whether the secrets of feeds are where they are said to be, and private."""
    for name, feed in parsed.feeds.items():
        document = files.feeds[name]
        for at, said in hearing.secrets(feed):
            # The rest is there when the daemon runs, not when somebody checks.
            if document is None or said.file is None:
                continue
            if reason := secret.fetched(home, file=said.file)[1]:
                yield document.mistake(Fault((*at, "file"), reason))


def _url(home: Path, store: Store) -> tuple[str, str]:
    """Give the URL as configured, or what is wrong with the place where it is kept."""
    if store.url_file is None and store.credential is None:
        return store.url or "sqlite:///impexd.db", ""
    text, wrong = secret.fetched(
        home,
        file=store.url_file,
        credential=None if store.url_file is not None else store.credential,
    )
    if not wrong and (reason := place.url(text, inline=False)):
        name = quoted(store.url_file or store.credential or "")
        return "", f"what stands in {name} does not do: {reason}"
    return text, wrong


def _found(path: Path) -> tuple[Path, Path]:
    """Find the folder and impexd.toml: given itself, its folder, or the folder above `etc`."""
    path = real(path)
    if not path.is_dir():
        return path.parent, path
    if not (path / MAIN).exists() and (path / "etc" / MAIN).exists():
        path = path / "etc"
    return path, path / MAIN


def _documents(
    home: Path, folder: str, mistakes: list[Mistake], changed: Mapping[str, str]
) -> dict[str, Document | None]:
    fresh = {path.removeprefix(f"{folder}/") for path in changed if path.startswith(f"{folder}/")}
    try:
        names = sorted({path.name for path in (home / folder).iterdir()} | fresh)
    except FileNotFoundError:
        names = sorted(fresh)
    except OSError as error:
        what = f"this folder cannot be read: {error.strerror}"
        mistakes.append(Mistake(f"{home.name}/{folder}", 0, "", what))
        return {}
    wanted = [name for name in names if name.endswith(".toml") and not name.startswith(".")]
    return {
        name.removesuffix(".toml"): _document(
            home / folder / name,
            f"{home.name}/{folder}/{shown(name)}",
            mistakes,
            changed.get(f"{folder}/{name}"),
        )
        for name in wanted
    }


def _document(
    path: Path, name: str, mistakes: list[Mistake], text: str | None = None
) -> Document | None:
    found = _parsed(path, name) if text is None else parse(name, text.encode())
    if isinstance(found, Document):
        return found
    mistakes.append(found)
    return None


def _parsed(path: Path, name: str) -> Document | Mistake:
    try:
        data = secret.regular(path, LARGEST)
    except FileNotFoundError:
        return Mistake(name, 0, "", "there is no such file")
    except OSError as error:
        return Mistake(name, 0, "", f"this file cannot be read: {error.strerror}")
    if len(data) > LARGEST:
        return Mistake(name, 0, "", f"this file is larger than {LARGEST >> 20} MiB")
    return parse(name, data)
