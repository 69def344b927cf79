"""Stored pictures: whole or not there, once, whoever stores them at the same time."""

import hashlib
import multiprocessing
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from impexd.core import durable
from impexd.imports.pictures import keep
from tests.formats.pictures import png

DATA = png(50, 50)
SHA = hashlib.sha256(DATA).hexdigest()


def put(var: Path, data: bytes = DATA) -> str:
    with keep.opened(var) as shelf:
        return shelf.keep(data, hashlib.sha256(data).hexdigest(), "png")


def test_a_picture_lies_under_its_hash(tmp_path: Path) -> None:
    assert put(tmp_path) == f"{SHA}.png"
    place = keep.place(tmp_path, f"{SHA}.png")
    assert place == tmp_path / "pictures" / SHA[:2] / f"{SHA}.png"
    assert place.read_bytes() == DATA
    assert place.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.rglob("*.tmp")] == []


def test_a_shelf_that_nothing_is_put_on_leaves_nothing(tmp_path: Path) -> None:
    with keep.opened(tmp_path):
        pass
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("odd", ["", "../../etc/passwd", f"{SHA}.svg", f"{SHA}.png/x", SHA])
def test_what_is_no_reference_has_no_place(tmp_path: Path, odd: str) -> None:
    with pytest.raises(ValueError):
        keep.place(tmp_path, odd)


def test_a_picture_that_is_there_is_not_written_again_but_wanted_again(tmp_path: Path) -> None:
    put(tmp_path)
    place = keep.place(tmp_path, f"{SHA}.png")
    os.utime(place, (1, 1))
    before = place.stat()
    put(tmp_path)
    after = place.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert after.st_mtime > 1


def test_a_picture_that_the_disk_has_cut_off_is_written_again(tmp_path: Path) -> None:
    put(tmp_path)
    place = keep.place(tmp_path, f"{SHA}.png")
    place.write_bytes(DATA[:10])
    put(tmp_path)
    assert place.read_bytes() == DATA


class PowerCut(Exception):
    """The machine stops here."""


class DyingOs:
    """The `os` module, until the nth call."""

    def __init__(self, nth: int) -> None:
        self._calls = count(1)
        self._nth = nth

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(os, name)) and next(self._calls) == self._nth:
            raise PowerCut
        return getattr(os, name)


def test_no_power_cut_shows_half_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for nth in count(1):
        home = tmp_path / str(nth)
        home.mkdir()
        with monkeypatch.context() as patched:
            patched.setattr(durable, "os", DyingOs(nth))
            try:
                put(home)
            except PowerCut:
                ended = False
            else:
                ended = True
        assert all(path.read_bytes() == DATA for path in home.glob("pictures/*/*.png"))
        put(home)
        assert keep.place(home, f"{SHA}.png").read_bytes() == DATA
        if ended:
            assert nth > 10
            return


def many(var: Path) -> None:
    for n in range(60):
        put(var, png(20, 20, seed=n))


def test_workers_may_store_the_same_pictures_at_the_same_time(tmp_path: Path) -> None:
    spawned = multiprocessing.get_context("fork")
    workers = [spawned.Process(target=many, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    found = list(tmp_path.glob("pictures/*/*"))
    assert len(found) == 60
    for path in found:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
