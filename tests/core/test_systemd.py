"""What systemd is told, through a real notify socket."""

import socket
from pathlib import Path

import pytest

from impexd.core import systemd


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(tmp_path / "notify"))
    ear.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return ear


def test_ready_reloading_and_stopping_are_told(told: socket.socket) -> None:
    systemd.ready("3 groups")
    systemd.reloading()
    systemd.stopping()
    assert told.recv(999) == b"READY=1\nSTATUS=3 groups"
    first, second = told.recv(999).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.startswith(b"MONOTONIC_USEC=")
    assert told.recv(999) == b"STOPPING=1\nSTATUS=stopping"
    told.close()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert systemd.notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", "/no/such/socket")
    assert systemd.notify("READY=1") is False


def test_the_watchdog_is_for_the_process_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert systemd.watchdog() == 60.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert systemd.watchdog() is None
    monkeypatch.delenv("WATCHDOG_USEC")
    assert systemd.watchdog() is None
