"""
The files of etc/ over the API: read, checked, tried on a sample, and (where the instance allows it) saved.

Nothing is written but whole files, after the whole configuration with them was found right; what
they said before is kept in etc/.previous.  Secrets are in none of them.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from fastapi import FastAPI
from pydantic import Field

from impexd.admin import acting, pieces, uploads
from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.core.errors import ConfigError, UsageError
from impexd.core.text import shown
from impexd.imports import unpack
from impexd.imports.describe import look
from impexd.imports.describe import run as describing
from impexd.imports.describe.propose import Taken
from impexd.inbox import adopt
from impexd.model.base import Model
from impexd.model.config import Config
from impexd.store.uploads import WHOLE

FOLDERS = ("entities", "descriptors", "groups")
SAMPLE = 64 << 20
"""Bytes of a sample that is described here; the command `impexd describe` takes any."""

_PATH = re.compile(rf"({'|'.join(FOLDERS)})/[a-z0-9][a-z0-9_-]{{0,62}}\.toml")

Texts = dict[str, str]


class Changed(Model):
    """Files that are to say something else: `descriptors/x.toml` -> text."""

    changed: Texts = Field(min_length=1, max_length=200)


class Trial(Changed):
    """The same, and the sample they are tried on."""

    upload: str = Field(max_length=64)
    group: str = Field(max_length=100)
    actor: Actor = None


class Sample(Model):
    """An upload that is to be described."""

    upload: str = Field(max_length=64)


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""
    _reading(made, house)

    @made.post("/api/v1/files/save")
    async def save(wanted: Changed) -> dict[str, Any]:
        if not house.bench.config.instance.admin.edit:
            raise acting.Denied(
                "this instance does not let etc/ be written to",
                hint="`edit = true` under [admin] in impexd.toml allows it",
            )
        changed = _named(wanted.changed)
        await anyio.to_thread.run_sync(house.judged, changed)
        now = house.clock.now().strftime("%Y%m%dT%H%M%S%fZ")
        await anyio.to_thread.run_sync(_written, house.bench.config.etc, changed, now)
        await house.reload()
        return {"saved": sorted(changed), "said": "saved, and in force"}

    @made.post("/api/v1/files/try", status_code=202)
    async def attempt(wanted: Trial) -> dict[str, Any]:
        acting.need_group(wanted.group)
        one = await uploads.mine(house, wanted.upload)
        if one.state != WHOLE:
            raise UsageError(f"{shown(one.name)} has not come whole yet")
        inlet = await house.tried(_named(wanted.changed), wanted.group)
        if inlet is None:
            raise UsageError(f"there is no import group {shown(wanted.group)} in these files")
        order = adopt.Order(
            origin="upload", actor=wanted.actor, name=one.name.encode(), forced=True, dry=True
        )
        path = pieces.folder(house) / one.token
        adopted = await adopt.adopt(house.desk, inlet, path, order)
        return {"run": adopted.run}


def _reading(made: FastAPI, house: House) -> None:
    @made.get("/api/v1/files")
    async def listed() -> dict[str, Any]:
        config = house.bench.config
        found = [
            f"{folder}/{path.name}"
            for folder in FOLDERS
            for path in sorted((config.etc / folder).glob("*.toml"))
        ]
        return {"files": found, "edit": config.instance.admin.edit}

    @made.get("/api/v1/files/{folder}/{name}")
    async def text(folder: str, name: str) -> dict[str, Any]:
        path = f"{folder}/{name}"
        _named({path: ""})
        try:
            said = await anyio.Path(house.bench.config.etc / path).read_text("utf-8")
        except (FileNotFoundError, ValueError):
            raise UsageError(f"there is no file {shown(path)}") from None
        return {"path": path, "text": said}

    @made.post("/api/v1/files/check")
    async def check(wanted: Changed) -> dict[str, Any]:
        mistakes: tuple[str, ...] = ()
        try:
            await anyio.to_thread.run_sync(house.judged, _named(wanted.changed))
        except ConfigError as error:
            mistakes = error.mistakes
        said = "\n".join(mistakes) or "the configuration would be right"
        return {"mistakes": list(mistakes), "said": said}

    @made.post("/api/v1/describe")
    async def describe(wanted: Sample) -> dict[str, Any]:
        one = await uploads.mine(house, wanted.upload)
        if one.state != WHOLE:
            raise UsageError(f"{shown(one.name)} has not come whole yet")
        if one.bytes > SAMPLE:
            raise UsageError(
                f"{shown(one.name)} is too large to be looked at here",
                hint="send its first part, or use `impexd describe FILE`",
            )
        path = pieces.folder(house) / one.token
        return await anyio.to_thread.run_sync(_described, path, one.name, house.bench.config)


def _described(path: Path, name: str, config: Config) -> dict[str, Any]:
    """Describe a sample, in a thread with a loop of its own: it takes a while."""

    async def work() -> dict[str, Any]:
        taken = Taken(
            frozenset(one.stem for one in (config.etc / "entities").glob("*.toml")),
            frozenset(config.descriptors),
            frozenset(config.groups),
        )
        limits = config.instance.limits
        with unpack.files(path, name, limits, "cp437") as found:
            files = [look.opened(one.name, one.size, one.open, limits) for one in found]
            made = await describing.describe(files, name, config.catalogue, limits, taken=taken)
        passed = dict(made.passed_over)
        return {"group": made.group, "texts": dict(made.texts), "passed_over": passed}

    return anyio.run(work)


def _named(changed: Mapping[str, str]) -> Texts:
    """Pure: the files, if each is one that may be written; UsageError if not."""
    for path, text in changed.items():
        if not _PATH.fullmatch(path):
            raise UsageError(f"{shown(path)} is no file of etc/ that can be changed here")
        if len(text) > 1 << 20 or "\0" in text or "\ud800" <= max(text, default="") <= "\udfff":
            raise UsageError(f"what {shown(path)} is to say is no text of at most 1 MiB")
    return dict(changed)


def _written(etc: Path, changed: Mapping[str, str], now: str) -> None:
    """Write whole files, durably; what they said before is kept."""
    for name, text in changed.items():
        path = etc / name
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            kept = etc / ".previous" / f"{name.removesuffix('.toml').replace('/', '-')}-{now}.toml"
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            kept.write_bytes(path.read_bytes())
        draft = path.with_name(f".{path.name}.draft")
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text.replace("\r\n", "\n"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
