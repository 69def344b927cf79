"""
Worker processes, from their own side: orders from standard input, answers to standard output.

Each is a line of JSON; `core.pool` is the other end.  A worker can be killed at any moment.  It
dies with the daemon, holds at most the memory and processor time it is allowed, and inherits
nothing but its pipes.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1

Answers = Callable[[bytes], None]
"""Sends one line, without its end."""


def serve(parent: int, carry_out: Callable[[bytes, str, Answers], None]) -> None:
    """
    Have orders carried out until standard input ends.

    `carry_out` gets an order, the terms (text) it names by `config`, and what to answer through.
    """
    answers = _own_output()
    _die_with(parent)
    terms: dict[str, str] = {}
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "config" in message and "body" in message:
            terms = {message["config"]: message["body"]}
            continue
        carry_out(line, terms[message["config"]], answers)


def _own_output() -> Answers:
    """Keep standard output for answers alone: what a library prints must not look like one."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def answer(line: bytes) -> None:
        out.write(line + b"\n")

    return answer


def _die_with(parent: int) -> None:
    """Have the kernel kill us when the daemon is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the daemon's to handle


def bounded(*, memory: int, cpu: int) -> None:
    """Bound what the next order may use: bytes beyond what is held now, seconds from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu, resource.RLIM_INFINITY))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    held = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + memory, resource.RLIM_INFINITY))
