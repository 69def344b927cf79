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


def prepared(home: Path) -> Path:
    """Make the instance that each try starts from: its database is made, the drop is dropped."""
    site = Site(home)
    site.drain()
    site.drop("drop.zip", DROP)
    return home


def gone_through(
    home: Path, root: Path, *more: str, syscalls: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Have the tool go through the calls of a drain, with its own way to say what it met."""
    daemon = f"{sys.executable} -m impexd --config {root}/etc run --drain"
    tried = [
        *(sys.executable, str(TOOL), "--root", str(root), "--timeout", "100"),
        *("--setup", f"cp -a {home}/. {root}/", "--run", daemon),
        *("--check", f"{sys.executable} -m tests.crash.checked {root}"),
        *(("--syscalls", syscalls) if syscalls else ()),
        *more,
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(tried, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("inject", "syscalls", "step"),
    [
        ("KILL", "pwrite64,fdatasync,fsync,linkat,unlinkat,rename", 45),
        ("ENOSPC", "pwrite64,linkat", 120),
        ("EIO", "fsync,fdatasync", 30),
    ],
)
def test_a_call_that_is_the_last_or_fails_loses_nothing(
    tmp_path: Path, inject: str, syscalls: str, step: int
) -> None:
    home = prepared(tmp_path / "prepared")
    done = gone_through(
        home, tmp_path / "tried", "--inject", inject, "--step", str(step), syscalls=syscalls
    )
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
    tried = wanted.folder / "tried"
    done = gone_through(home, tried, "--inject", wanted.inject, "--step", wanted.step)
    print(done.stdout, done.stderr, sep="\n")


if __name__ == "__main__":
    main()
