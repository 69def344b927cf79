"""
The daemon, or its worker, is killed before a system call that changes something; or the call fails.

A tool beside the repository goes through the calls of a whole `run --drain` one after the other:
each time it prepares a fresh instance, has strace kill the process there (or fail the call), lets
one more start come to its end and looks at what became of the drop.  Going through all of them
takes half an hour, so some are picked; `python -m tests.crash.test_syscalls --help` goes through all.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.checked import DROP
from tests.processes import ROOT, Site
from tests.shared import HOSTILE

TOOL = HOSTILE / "crash" / "kill_syscall.py"
CALLS = (
    "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
    "ftruncate,mkdir,fallocate,copy_file_range"
)
"""What changes a disk; what is sent through sockets here only wakes the loop."""


def prepared(home: Path) -> Path:
    """Make the instance that each try starts from: its database is made, the drop is dropped."""
    site = Site(home)
    site.drain()
    site.drop("drop.zip", DROP)
    return home


def command(home: Path, root: Path, inject: str, step: str, syscalls: str) -> list[str]:
    """Give the command that goes through the calls of a drain."""
    daemon = f"{sys.executable} -m impexd --config {root}/etc run --drain"
    return [
        *(sys.executable, str(TOOL), "--root", str(root), "--timeout", "100"),
        *("--setup", f"cp -a {home}/. {root}/", "--run", daemon),
        *("--check", f"{sys.executable} -m tests.crash.checked {root}"),
        *("--syscalls", syscalls, "--inject", inject, "--step", step),
    ]


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize(
    ("inject", "syscalls", "step"),
    [
        ("KILL", "pwrite64,fdatasync,fsync,linkat,unlinkat,rename", "45"),
        ("EIO", "fsync,fdatasync", "30"),
    ],
)
def test_a_call_that_is_the_last_or_fails_loses_nothing(
    tmp_path: Path, inject: str, syscalls: str, step: str
) -> None:
    home = prepared(tmp_path / "prepared")
    tried = command(home, tmp_path / "tried", inject, step, syscalls)
    done = subprocess.run(tried, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 bad" in done.stdout, done.stdout


def main() -> None:
    """Go through all calls, or every so many of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="is emptied first")
    parser.add_argument("--inject", default="KILL", help="KILL, ENOSPC, EIO, EDQUOT, EROFS, EMFILE")
    parser.add_argument("--step", default="1")
    wanted = parser.parse_args()
    shutil.rmtree(wanted.folder, ignore_errors=True)
    home = prepared(wanted.folder / "prepared")
    tried = command(home, wanted.folder / "tried", wanted.inject, wanted.step, CALLS)
    sys.exit(subprocess.run(tried, env=ENVIRONMENT).returncode)


if __name__ == "__main__":
    main()
