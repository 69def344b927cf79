"""One holder for each instance, and none after its death."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from impexd.core import lock
from impexd.core.errors import Busy, Unsafe

HOLDER = """
import sys
from pathlib import Path
from impexd.core import lock
with lock.held(Path(sys.argv[1]), "x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    place = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(place)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"by process {other.pid}"), lock.held(place, "it"):
            raise AssertionError("held twice")
        other.kill()
        other.wait()
        deadline = time.monotonic() + 10
        while True:
            try:
                with lock.held(place, "it"):
                    return
            except Busy:
                assert time.monotonic() < deadline


def test_a_folder_that_is_not_there_is_unsafe_and_said_so(tmp_path: Path) -> None:
    with pytest.raises(Unsafe), lock.held(tmp_path / "no" / "lock", "it"):
        raise AssertionError("held nothing")
