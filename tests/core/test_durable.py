"""What moves files must survive dying at any of its calls."""

import errno
import os
import shutil
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from impexd.core import durable


class PowerCut(Exception):
    """The end of the world, for a test."""


class DyingOs:
    """The `os` module, until the nth call."""

    def __init__(self, nth: int) -> None:
        self._calls = count(1)
        self._nth = nth

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if not callable(found) or isinstance(found, type):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(self._calls) == self._nth:
                raise PowerCut
            return found(*args, **kwargs)

        return call


class NoLinks:
    """The `os` module of a file system that has no hard links."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def link(self, *_args: object, **_kwargs: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(autouse=True)
def rooms(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


def move(here: Path, there: Path, name: bytes = b"a.csv", new: bytes = b"b.csv") -> None:
    with durable.opened(here) as source, durable.opened(there) as target:
        durable.move(source, name, target, new)


def at_every_call(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], None], work: Callable[[], None]
) -> Any:
    """Die at the first call to os, then at the second, until there is none left to die at."""
    for nth in count(1):
        begin()
        with monkeypatch.context() as patch:
            patch.setattr(durable, "os", DyingOs(nth))
            try:
                work()
            except PowerCut:
                yield nth
                continue
        assert nth > 3
        return


def test_a_moved_file_has_its_new_name_only(rooms: tuple[Path, Path]) -> None:
    here, there = rooms
    (here / "a.csv").write_bytes(b"rows")
    move(here, there)
    assert list(here.iterdir()) == []
    assert (there / "b.csv").read_bytes() == b"rows"


def test_a_move_never_writes_over_another_file(rooms: tuple[Path, Path]) -> None:
    here, there = rooms
    (here / "a.csv").write_bytes(b"new")
    (there / "b.csv").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        move(here, there)
    assert (here / "a.csv").read_bytes() == b"new"
    assert (there / "b.csv").read_bytes() == b"old"


def test_a_move_never_writes_over_another_file_where_there_are_no_links(
    rooms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = rooms
    monkeypatch.setattr(durable, "os", NoLinks())
    (here / "a.csv").write_bytes(b"new")
    (there / "b.csv").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        move(here, there)
    assert (there / "b.csv").read_bytes() == b"old"
    (there / "b.csv").unlink()
    move(here, there)
    assert list(here.iterdir()) == []
    assert (there / "b.csv").read_bytes() == b"new"


def test_a_file_that_is_not_there_cannot_be_moved(rooms: tuple[Path, Path]) -> None:
    with pytest.raises(FileNotFoundError):
        move(*rooms)


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_file_is_moved_without_being_opened(rooms: tuple[Path, Path], kind: str) -> None:
    here, there = rooms
    if kind == "fifo":
        os.mkfifo(here / "a.csv")
    else:
        (here / "a.csv").symlink_to("/etc/passwd")
    move(here, there)
    assert stat.S_ISLNK((there / "b.csv").lstat().st_mode) == (kind == "link")
    assert not (here / "a.csv").is_symlink()


def test_a_move_cut_short_anywhere_loses_nothing_and_can_be_repeated(
    rooms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = rooms

    def begin() -> None:
        (there / "b.csv").unlink(missing_ok=True)
        (here / "a.csv").write_bytes(b"rows")

    for _ in at_every_call(monkeypatch, begin, lambda: move(here, there)):
        names = [path for path in (here / "a.csv", there / "b.csv") if path.exists()]
        assert names
        assert all(path.read_bytes() == b"rows" for path in names)
        if here / "a.csv" in names:
            move(here, there)
        assert not (here / "a.csv").exists()
        assert (there / "b.csv").read_bytes() == b"rows"


def test_the_folder_that_gains_a_name_is_synced_before_the_other_loses_it(
    rooms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = rooms
    (here / "a.csv").write_bytes(b"rows")
    told = []

    class Telling:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def fsync(self, folder: int) -> None:
            told.append(("fsync", os.readlink(f"/proc/self/fd/{folder}")))
            os.fsync(folder)

        def link(self, *args: Any, **kwargs: Any) -> None:
            told.append(("link", ""))
            os.link(*args, **kwargs)

        def unlink(self, *args: Any, **kwargs: Any) -> None:
            told.append(("unlink", ""))
            os.unlink(*args, **kwargs)

    monkeypatch.setattr(durable, "os", Telling())
    move(here, there)
    assert told == [("link", ""), ("fsync", str(there)), ("unlink", ""), ("fsync", str(here))]


def test_no_power_cut_shows_half_a_file(
    rooms: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = rooms

    def begin() -> None:
        (here / "stock.csv").unlink(missing_ok=True)

    def work() -> None:
        with durable.opened(here) as folder:
            durable.write(folder, b"stock.csv", b"new")

    for _ in at_every_call(monkeypatch, begin, work):
        assert not (here / "stock.csv").exists() or (here / "stock.csv").read_bytes() == b"new"
        work()
        assert [path.name for path in here.iterdir()] == ["stock.csv"]


def test_published_bytes_are_never_replaced(rooms: tuple[Path, Path]) -> None:
    here, _ = rooms
    with durable.opened(here) as folder:
        durable.write(folder, b"stock.csv", b"one")
        durable.write(folder, b"stock.csv", b"one")
        with pytest.raises(FileExistsError):
            durable.write(folder, b"stock.csv", b"two")
    assert [(path.name, path.read_bytes()) for path in here.iterdir()] == [("stock.csv", b"one")]


def test_the_longest_name_can_be_published_and_moved(rooms: tuple[Path, Path]) -> None:
    here, there = rooms
    name = b"n" * 251 + b".csv"
    with durable.opened(here) as folder:
        durable.write(folder, name, b"rows")
    move(here, there, name, name)
    assert os.listdir(os.fsencode(there)) == [name]


def test_a_copy_knows_the_hash_of_what_it_wrote(rooms: tuple[Path, Path]) -> None:
    here, _ = rooms
    data = os.urandom(3 * durable.CHUNK + 17)
    (here / "a").write_bytes(data)
    pauses = []
    file = os.open(here / "a", os.O_RDONLY)
    try:
        with durable.opened(here) as folder:
            copied = durable.copy(
                file, folder, b"b", most=len(data), pause=lambda: pauses.append(1)
            )
        assert copied == durable.digest(file)
    finally:
        os.close(file)
    assert (here / "b").read_bytes() == data
    assert len(pauses) == 3


def test_a_copy_stops_at_its_limit(rooms: tuple[Path, Path]) -> None:
    here, _ = rooms
    (here / "a").write_bytes(b"x" * 100)
    file = os.open(here / "a", os.O_RDONLY)
    try:
        with durable.opened(here) as folder, pytest.raises(OSError, match="too large") as caught:
            durable.copy(file, folder, b"b", most=99)
    finally:
        os.close(file)
    assert caught.value.errno == errno.EFBIG


def test_a_folder_made_twice_is_made_once(rooms: tuple[Path, Path]) -> None:
    here, _ = rooms
    for _ in range(2):
        with (
            durable.opened(here) as top,
            durable.made("2026-01-31", within=top) as day,
            durable.made("000001", within=day) as folder,
        ):
            assert os.fstat(folder).st_mode & 0o777 == 0o700


def test_below_an_open_folder_no_link_is_followed(rooms: tuple[Path, Path]) -> None:
    here, there = rooms
    shutil.rmtree(there)
    (here / "archive").symlink_to("/tmp")
    with durable.opened(here) as top, pytest.raises(OSError, match=r"directory|symbolic"):
        durable.opened("archive", within=top).__enter__()
