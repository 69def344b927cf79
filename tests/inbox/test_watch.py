"""Hints come from the kernel, and whatever breaks, they go on."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from impexd.inbox import watch

SECONDS = 20


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("a", "b")]
    for folder in made:
        folder.mkdir()
    return made


@asynccontextmanager
async def hearing(folders: list[Path]) -> AsyncIterator[AsyncIterator[frozenset[Path]]]:
    """Hints, with the first one (the watch stands) heard already."""
    hints = watch.hints(folders, rescan=3600, tick=0.05)
    try:
        with anyio.fail_after(SECONDS):
            assert await anext(hints) == watch.EVERYTHING
            yield hints
    finally:
        await hints.aclose()


async def test_a_file_that_arrives_hints_at_its_folder(folders: list[Path]) -> None:
    async with hearing(folders) as hints:
        (folders[1] / "x.csv").write_bytes(b"x")
        assert await anext(hints) == {folders[1]}


async def test_a_file_that_is_renamed_into_place_is_heard(
    folders: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_bytes(b"x")
    async with hearing(folders) as hints:
        (tmp_path / "x.csv").rename(folders[0] / "x.csv")
        assert await anext(hints) == {folders[0]}


async def test_a_folder_that_was_replaced_is_watched_anew(folders: list[Path]) -> None:
    async with hearing(folders) as hints:
        folders[0].rmdir()
        while await anext(hints) != watch.EVERYTHING:
            pass
        folders[0].mkdir()
        while await anext(hints) != watch.EVERYTHING:
            pass
        (folders[0] / "x.csv").write_bytes(b"x")
        while folders[0] not in await anext(hints):
            pass


async def test_a_folder_that_is_missing_does_not_stop_the_others(folders: list[Path]) -> None:
    folders[0].rmdir()
    async with hearing(folders) as hints:
        (folders[1] / "x.csv").write_bytes(b"x")
        assert await anext(hints) == {folders[1]}


async def test_no_folder_at_all_is_waited_for(tmp_path: Path) -> None:
    async with hearing([tmp_path / "late"]) as hints:
        (tmp_path / "late").mkdir()
        assert await anext(hints) == watch.EVERYTHING
        (tmp_path / "late" / "x.csv").write_bytes(b"x")
        assert await anext(hints) == {tmp_path / "late"}


async def test_a_name_that_kills_the_watcher_does_not_end_the_hints(folders: list[Path]) -> None:
    async with hearing(folders) as hints:
        with open(os.path.join(os.fsencode(folders[0]), b"latin\xe9.csv"), "wb"):
            pass
        while await anext(hints) != watch.EVERYTHING:  # the watcher dies of it and is begun anew
            pass
        (folders[0] / "good.csv").write_bytes(b"x")
        while folders[0] not in await anext(hints):
            pass


async def test_where_the_kernel_tells_nothing_everything_is_looked_at_all_the_same(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> object:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watch, "awatch", refused)
    hints = watch.hints(folders, rescan=0.05, tick=0.02)
    with anyio.fail_after(SECONDS):
        for _ in range(3):
            assert await anext(hints) == watch.EVERYTHING
    await hints.aclose()


async def test_everything_is_looked_at_from_time_to_time(folders: list[Path]) -> None:
    hints = watch.hints(folders, rescan=0.05, tick=0.02)
    with anyio.fail_after(SECONDS):
        for _ in range(3):
            assert await anext(hints) == watch.EVERYTHING
    await hints.aclose()
