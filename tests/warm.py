"""
Processes of impexd that begin warm: forked from one that has loaded everything, and did nothing else.

To load its modules costs a start more than a second of the processor, and tests start hundreds of
them.  A forked one runs the same `main` with a command line, an environment and files of its own, in
a session of its own; what is killed, and how it ends, is as real.  One nursery for each process of tests.
"""

import array
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class Process:
    """A forked process, to be asked as `subprocess.Popen` is."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._alive = os.pidfd_open(pid)  # it stays as it is until its end is asked for
        self._code: int | None = None

    def poll(self) -> int | None:
        """Give the exit status if it has ended; a signal is negative."""
        return self._ended(0)

    def wait(self, timeout: float) -> int:
        """Wait for the end; TimeoutExpired if that does not come."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("impexd", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it is there to hear it."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._alive, number)

    def _ended(self, timeout: float) -> int | None:
        if self._code is None and select.select([self._alive], [], [], timeout)[0]:
            self._code = self._nursery.ask({"buried": self.pid})
            os.close(self._alive)
        return self._code


class Nursery:
    """The process that forks them, at the other end of a socket."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._socket, self._turn = ours, threading.Lock()
        command = [sys.executable, "-u", "-m", "tests.warm", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        atexit.register(self._close)

    def start(self, words: Sequence[str], env: Mapping[str, str], out: int, err: int) -> Process:
        """Start a command that writes into these files."""
        wanted = {"words": list(words), "env": dict(env), "cwd": str(Path.cwd())}
        return Process(self, self.ask(wanted, out, err))

    def ask(self, wanted: Mapping[str, Any], *files: int) -> int:
        """Ask for a process, or how one has ended; gives the number that is answered."""
        with self._turn:
            body = json.dumps(wanted).encode()
            given = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
            self._socket.sendmsg([len(body).to_bytes(4, "big") + body], given if files else [])
            answer = self._socket.recv(4, socket.MSG_WAITALL)
        assert len(answer) == 4, "the nursery has died"
        return int.from_bytes(answer, "big", signed=True)

    def _close(self) -> None:
        self._socket.close()
        self._process.wait(10)


@cache
def nursery() -> Nursery:
    """The one of this process, begun when it is needed first."""
    return Nursery()


def _main(end: socket.socket) -> None:
    """Load everything, then fork whenever that is asked for."""
    from impexd.core import lean

    lean.structlog()
    import impexd.cli
    import impexd.client
    import impexd.commands
    import impexd.daemon
    import impexd.service  # noqa: F401

    assert threading.active_count() == 1
    while True:
        size, rights, _, _ = socket.recv_fds(end, 4, 2)
        if not size:
            return
        wanted = json.loads(end.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        answer = _buried(wanted["buried"]) if "buried" in wanted else _forked(end, wanted, rights)
        for file in rights:
            os.close(file)
        end.sendall(answer.to_bytes(4, "big", signed=True))


def _buried(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _forked(end: socket.socket, wanted: Mapping[str, Any], rights: Sequence[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        end.close()
        for file, place in zip(rights, (1, 2), strict=True):
            os.dup2(file, place)
            os.close(file)
        code = _run(wanted)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(wanted: Mapping[str, Any]) -> int:
    """Be `python -m impexd` with these words."""
    from impexd.__main__ import main
    from impexd.core import failpoint

    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    more = [one for one in os.environ.get("PYTHONPATH", "").split(":") if one]
    sys.path[:0] = [one for one in more if one not in sys.path]
    failpoint._armed = os.environ.get("IMPEXD_FAIL", "")
    sys.argv = ["impexd", *wanted["words"]]
    return main()


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
