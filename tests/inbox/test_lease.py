"""The kernel says whether a file is still being written to."""

import fcntl
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from impexd.inbox import lease


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.csv"
    made.write_bytes(b"rows")
    return made


def written(path: Path) -> bool | None:
    file = os.open(path, os.O_RDONLY)
    try:
        return lease.written(file)
    finally:
        os.close(file)


def test_a_closed_file_has_no_writer(path: Path) -> None:
    assert written(path) is False


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_file_open_for_writing_has_one(path: Path, mode: str) -> None:
    with open(path, mode):
        assert written(path) is True
    assert written(path) is False


def test_a_reader_is_no_writer(path: Path) -> None:
    with open(path, "rb"):
        assert written(path) is False


def test_where_the_system_does_not_tell_nothing_is_claimed() -> None:
    reading, writing = os.pipe()
    try:
        assert lease.written(reading) is None
    finally:
        os.close(reading)
        os.close(writing)


def test_a_writer_who_comes_during_the_question_does_not_kill_us(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = []

    class Telling:
        def __getattr__(self, name: str) -> Any:
            return getattr(fcntl, name)

        def fcntl(self, file: int, command: int, value: int = 0) -> int:
            answer = fcntl.fcntl(file, command, value)
            if (command, value) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):
                signals.append(fcntl.fcntl(file, fcntl.F_GETSIG))
            return answer

    monkeypatch.setattr(lease, "fcntl", Telling())
    assert written(path) is False
    # What the kernel sends while we hold the lease; its default, SIGIO, would end the process.
    assert signals == [signal.SIGURG]
