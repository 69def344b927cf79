"""
Files to take away: what came, what was rejected, what was exported.

Always by the number of their run; the name is made harmless; the file is opened without following
links, because outboxes are shared with others.
"""

import os
import stat
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from impexd.admin import nodes, refusals
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.core.errors import UsageError
from impexd.imports import leavings
from impexd.model.run import Run
from impexd.store import runs
from impexd.store.exporting import KIND

PIECE = 1 << 18
FILE = refusals.answers("application/octet-stream")


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/runs/{id}/source", response_class=StreamingResponse, responses=FILE)
    async def source(id: Id) -> StreamingResponse:
        run = await _found(house, id)
        if run.kind != "import" or not run.place:
            raise UsageError(f"the file of run {id} is not in the archive (yet)")
        return await attached(house.bench.config.var / run.place, run.name)

    @made.get("/api/v1/runs/{id}/file", response_class=StreamingResponse, responses=FILE)
    async def file(id: Id) -> StreamingResponse:
        run = await _found(house, id)
        if run.kind != KIND or not run.place:
            raise UsageError(f"run {id} has laid no file into an outbox")
        return await attached(house.bench.config.var / run.place, Path(run.place).name)

    @made.get("/api/v1/runs/{id}/rejects/{n}", response_class=StreamingResponse, responses=FILE)
    async def rejects(id: Id, n: int) -> StreamingResponse:
        run = await _found(house, id)
        found = await anyio.to_thread.run_sync(leavings.rejects, house.bench, run)
        if not 0 <= n < len(found):
            raise UsageError(f"run {id} has {len(found)} files of rejects")
        return await attached(found[n], found[n].name)


async def _found(house: House, id: int) -> Run:
    async with house.store.reading() as tx:
        run = await runs.get(tx, id)
    if run is None:
        raise UsageError(f"there is no run {id}")
    await nodes.here(house, run)
    return run


async def attached(path: Path, name: str) -> StreamingResponse:
    """Answer with a file that a browser saves and never shows; UsageError if it is gone."""
    try:
        file = await anyio.to_thread.run_sync(_opened, path)
    except OSError:
        raise UsageError("this file is not there any more") from None
    size = os.fstat(file).st_size
    return StreamingResponse(
        _pieces(file), media_type="application/octet-stream", headers=saving(name, size)
    )


def saving(name: str, size: int | None = None) -> dict[str, str]:
    """Pure: the headers of a file to be saved under a name (RFC 6266)."""
    clean = harmless(name)
    plain = clean.encode("ascii", "replace").decode().replace("?", "_")
    told = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
    headers = {"content-disposition": told, "x-content-type-options": "nosniff"}
    return headers | ({"content-length": str(size)} if size is not None else {})


def harmless(name: str) -> str:
    """Pure: a name that is one, on every system."""
    kept = "".join(
        "_"
        if char in '/\\:*?"<>|%;' or (unicodedata.category(char)[0] in "CZ" and char != " ")
        else char
        for char in name
    )
    return kept.strip(" .")[:200] or "file"


def _opened(path: Path) -> int:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError(path)
    return file


async def _pieces(file: int) -> AsyncIterator[bytes]:
    try:
        while data := await anyio.to_thread.run_sync(os.read, file, PIECE):
            yield data
    finally:
        os.close(file)
