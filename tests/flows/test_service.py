"""The systemd unit, as systemd itself judges it, and the layout of a service."""

import re
import subprocess
from pathlib import Path

import pytest

from impexd import config, setup
from impexd.core.errors import UsageError

UNIT = Path(__file__).parents[2] / "impexd.service"
EXPOSED = 1.0
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
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager"]
    done = subprocess.run([*command, str(unit)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    level = re.search(r"Overall exposure level for impexd\.service: ([0-9.]+)", done.stdout)
    assert level is not None, done
    assert float(level[1]) <= EXPOSED, done.stdout


def test_the_unit_waits_longer_than_the_daemon_takes_to_stop() -> None:
    waits = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert waits is not None
    assert int(waits[1]) >= 30 + 15  # daemon.stop_deadline, and what ending the workers may take


def test_a_service_is_laid_out_below_a_root_and_nothing_is_overwritten(tmp_path: Path) -> None:
    setup.system(tmp_path, "/bin/true")
    found = config.load(tmp_path / "etc/impexd")
    assert found.var == Path("/var/lib/impexd")
    assert (tmp_path / "var/lib/impexd").stat().st_mode & 0o777 == 0o700
    unit = tmp_path / "etc/systemd/system/impexd.service"
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    with pytest.raises(UsageError, match="has a configuration already"):
        setup.system(tmp_path)


def test_systemd_understands_the_user_and_the_folders(tmp_path: Path) -> None:
    setup.system(tmp_path, "/bin/true")
    for program, name in (("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")):
        words = [program, f"--root={tmp_path}", str(tmp_path / f"etc/{name}/impexd.conf")]
        if program == "systemd-tmpfiles":
            words.insert(1, "--create")
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert "impexd" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "etc/impexd").stat().st_mode & 0o777 == 0o750
