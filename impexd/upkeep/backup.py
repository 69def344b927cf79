"""
`impexd backup FILE`: the database as it is at one moment and the configuration, in one file.

Takes a running instance; gives a gzipped tar that appears complete under its name, durable, or not at
all.  It holds `etc/` (the TOML files only: no secret stands in one), `var/impexd.db` and `backup.json`.
The bytes of drops (archive, failed, outbox, pictures) are files that never change: any tool copies them,
after the database.  A server's database is copied by the server's own tool, which is named.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import anyio.to_thread

from impexd import __version__
from impexd.core.clock import Clock, stamp
from impexd.core.errors import UsageError, WorldError
from impexd.model.config import Config
from impexd.store import copying, schema
from impexd.store.engine import Store


class Feeds(Protocol):
    """What takes messages in."""

    spool: Store | None


class House(Protocol):
    """What is copied."""

    store: Store
    clock: Clock

    @property
    def feeds(self) -> Feeds:
        """What takes messages in; they may lie in a spool of their own."""
        ...

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...


async def write(house: House, target: Path) -> dict[str, Any]:
    """
    Write a backup; gives what is in it.

    UsageError if the name is taken or its folder is not there, WorldError if the disk fails.
    """
    if not target.is_absolute() or target.exists() or not target.parent.is_dir():
        what = f"{target} is taken" if target.exists() else f"there is no folder {target.parent}"
        raise UsageError(what, hint="name a new file in a folder that is there")
    draft = target.with_name(f".{target.name}.{house.clock.token()[:8]}.part")
    folder = house.config.var / "tmp" / f"backup-{house.clock.token()}"
    try:
        return await anyio.to_thread.run_sync(_written, house, target, draft, folder)
    except OSError as error:
        what = f"the backup could not be written: {error.strerror or error}"
        raise WorldError(what, hint="look at the disk, and try again") from error
    finally:
        draft.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _written(house: House, target: Path, draft: Path, folder: Path) -> dict[str, Any]:
    files = {f"etc/{path.relative_to(house.config.etc)}": path for path in _toml(house.config.etc)}
    folder.mkdir(mode=0o700)
    # The spool first: what is carried over meanwhile is in both copies, and is kept once; the
    # other way round it could be in neither.
    for store in (house.feeds.spool, house.store):
        if store is not None and store.path is not None:
            copying.copy(store.path, folder / store.path.name)
            files[f"var/{store.path.name}"] = folder / store.path.name
    told = {
        "impexd": __version__,
        "made": stamp(house.clock.now()),
        "instance": house.config.instance.instance.name,
        "revision": schema.HEAD,
        "config": house.config.hash,
        "database": "sqlite" if house.store.path is not None else "postgresql, not in here",
        "files": {name: _sha256(path) for name, path in files.items()},
    }
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as out:
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
            _tar(packed, files, told)
        out.flush()
        os.fsync(out.fileno())
    os.link(draft, target)
    _synced(target.parent)
    return told | {"file": str(target), "bytes": target.stat().st_size}


def _tar(out: gzip.GzipFile, files: dict[str, Path], told: dict[str, Any]) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files.items():
            with path.open("rb") as file:
                entry = tar.gettarinfo(arcname=name, fileobj=file)
                entry.uname = entry.gname = ""
                entry.mode = 0o600 if name.startswith("var/") else 0o640
                tar.addfile(entry, file)
        text = (json.dumps(told, indent=1) + "\n").encode()
        entry = tarfile.TarInfo("backup.json")
        entry.size, entry.mode = len(text), 0o640
        tar.addfile(entry, io.BytesIO(text))


def _toml(etc: Path) -> Iterator[Path]:
    """Find the files of the configuration; nothing else, because secrets may lie beside them."""
    for path in sorted(etc.rglob("*.toml")):
        if path.is_file():
            yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
