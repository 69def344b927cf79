"""The systemd unit, as systemd itself judges it."""

import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "impexd.service"
EXPOSED = 1.2
"""What `systemd-analyze security` may find at most; below 2 it calls a service safe or OK."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program in it that is there."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text("utf-8").replace("/usr/bin/impexd", "/bin/true"), "utf-8")
    return path


def test_systemd_has_nothing_to_say_against_the_unit(unit: Path) -> None:
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_may_do_little_that_it_does_not_need(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    level = re.search(r"Overall exposure level for impexd\.service: ([0-9.]+)", done.stdout)
    assert level is not None, done
    assert float(level[1]) <= EXPOSED, done.stdout


def test_the_unit_waits_longer_than_the_daemon_takes_to_stop() -> None:
    waits = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert waits is not None
    assert int(waits[1]) >= 30 + 15  # daemon.stop_deadline, and what ending the workers may take
