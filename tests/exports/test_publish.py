"""A draft becomes a file in its outbox: whole, once, and never over another."""

import errno
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from impexd.core import durable
from impexd.core.errors import WorldError
from impexd.exports import naming, publish
from impexd.exports.publish import Placed

DATA = b"sku;price\r\nA1;10\r\n"
SHA = hashlib.sha256(DATA).hexdigest()
TOKEN = "0" * 32
DRAFT = f"{TOKEN}-1"


class PowerCut(Exception):
    """The end of the world, for a test."""


class DyingOs:
    """The `os` module; its nth call raises instead."""

    def __init__(self, nth: int, error: Exception) -> None:
        self._calls = count(1)
        self._nth = nth
        self._error = error
        self.died = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if not callable(found) or isinstance(found, type) or name == "close":
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(self._calls) == self._nth:
                self.died = True
                raise self._error
            return found(*args, **kwargs)

        return call


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    path = tmp_path / "outbox" / "prices"
    publish.prepare(path, make=True)
    return path


def drafted(outbox: Path) -> None:
    (outbox / publish.DRAFTS / DRAFT).write_bytes(DATA)


def seen(outbox: Path) -> dict[str, bytes]:
    """What a partner finds in an outbox."""
    return {path.name: path.read_bytes() for path in outbox.iterdir() if path.is_file()}


def test_a_draft_gets_its_name_and_stays_until_it_is_forgotten(outbox: Path) -> None:
    drafted(outbox)
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.THERE
    assert seen(outbox) == {"a.csv": DATA}
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.THERE
    publish.clear(outbox, TOKEN)
    assert os.listdir(outbox / publish.DRAFTS) == []
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.THERE


def test_a_name_that_is_taken_is_never_written_over(outbox: Path) -> None:
    drafted(outbox)
    (outbox / "a.csv").write_bytes(DATA)  # the same bytes, but another file
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.TAKEN
    (outbox / "a-2.csv.sha256").write_bytes(b"")
    assert publish.free(outbox, naming.numbered("a.csv"), (".sha256",)) == "a-3.csv"
    assert publish.free(outbox, naming.numbered("plain"), ()) == "plain"


def test_a_lost_draft_is_told_from_a_published_one(outbox: Path) -> None:
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.LOST
    (outbox / "a.csv").write_bytes(b"other")
    assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.LOST


def test_companions_follow_and_are_never_written_over(outbox: Path) -> None:
    ends = (".sha256", ".ready")
    assert publish.accompany(outbox, "a.csv", SHA, ends) == []
    assert seen(outbox) == {"a.csv.sha256": f"{SHA}  a.csv\n".encode(), "a.csv.ready": b""}
    assert publish.accompany(outbox, "a.csv", SHA, ends) == []
    assert publish.accompany(outbox, "a.csv", "0" * 64, ends) == ["a.csv.sha256"]
    publish.remove(outbox, "a.csv", ends)
    assert seen(outbox) == {}


def test_an_outbox_that_is_not_ours_to_make_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="is not there"):
        publish.prepare(tmp_path / "mnt" / "share", make=False)
    assert not (tmp_path / "mnt").exists()


@pytest.mark.parametrize(
    "error",
    [
        PowerCut(),
        *(OSError(code, os.strerror(code)) for code in (errno.ENOSPC, errno.EROFS, errno.EIO)),
    ],
    ids=["power cut", "no space", "read-only", "i/o error"],
)
def test_whatever_fails_shows_no_part_of_a_file_and_can_be_begun_again(
    outbox: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ends = (".sha256", ".ready")

    def work() -> None:
        name = publish.free(outbox, ["a.csv"], ())
        assert publish.place(outbox, DRAFT, name, SHA) is Placed.THERE
        publish.accompany(outbox, name, SHA, ends)
        publish.clear(outbox, TOKEN)

    def again() -> None:
        assert publish.place(outbox, DRAFT, "a.csv", SHA) is Placed.THERE
        publish.accompany(outbox, "a.csv", SHA, ends)
        publish.clear(outbox, TOKEN)

    for died in every_call(monkeypatch, outbox, error, work):
        found = {name: data for name, data in seen(outbox).items() if not name.startswith(".")}
        assert found.get("a.csv", DATA) == DATA
        assert found.get("a.csv.sha256", f"{SHA}  a.csv\n".encode()) == f"{SHA}  a.csv\n".encode()
        assert "a.csv" in found or len(found) == 0, died
        again()
        whole = seen(outbox)
        assert set(whole) == {"a.csv", "a.csv.sha256", "a.csv.ready"}
        assert os.listdir(outbox / publish.DRAFTS) == []


def every_call(
    monkeypatch: pytest.MonkeyPatch, outbox: Path, error: Exception, work: Callable[[], None]
) -> Any:
    """Fail at the first call to os, then at the second, until there is none left to fail at."""
    for nth in count(1):
        for path in outbox.iterdir():
            if path.is_file():
                path.unlink()
        drafted(outbox)
        dying = DyingOs(nth, error)
        with monkeypatch.context() as patch:
            patch.setattr(durable, "os", dying)
            patch.setattr(publish, "os", dying)
            with suppress(PowerCut, OSError):
                work()
        if not dying.died:
            assert nth > 10
            return
        yield nth
