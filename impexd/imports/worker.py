"""
The worker process: stages and plans runs, away from the daemon's loop.

Started as `python -m impexd.imports.worker PARENT`.  Reads orders from standard input, one JSON object
a line, and writes answers to standard output.  It can be killed at any moment: all it leaves is
a scratch folder that nobody looks at again.  It dies with the daemon, holds at most the
memory and processor time that `limits` allow, and inherits nothing but its pipes.
"""

import asyncio
import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import AbstractContextManager
from pathlib import Path

from impexd.core.errors import DataError, ImpexError
from impexd.core.text import shown
from impexd.imports import diff, draft, match, rejects, sheets, stage, unpack, waiting
from impexd.imports.order import Answer, Noted, Order, Planned, Progress, Trouble
from impexd.imports.pictures import keep
from impexd.model.config import Config
from impexd.model.limits import Limits
from impexd.store import staging

_PARKED = "parked"
_PR_SET_PDEATHSIG = 1
_EVERY = 0.2
"""Seconds between two signs of life."""


def main() -> None:
    """Serve orders until standard input ends."""
    answers = _own_output()
    _die_with(int(sys.argv[1]))
    configs: dict[str, Config] = {}
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "config" in message and "body" in message:
            configs = {message["config"]: Config.from_json(message["body"])}
            continue
        order = Order.model_validate_json(line)
        answers(_served(order, configs[order.config], answers))


class _Answers:
    """Standard output, kept for answers alone."""

    def __init__(self, descriptor: int) -> None:
        self._out = os.fdopen(descriptor, "wb", buffering=0)

    def __call__(self, answer: Answer) -> None:
        self._out.write(answer.model_dump_json(exclude_none=True).encode() + b"\n")


def _own_output() -> _Answers:
    kept = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    return _Answers(kept)


def _die_with(parent: int) -> None:
    """Have the kernel kill us when the daemon is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the daemon's to handle


def _served(order: Order, config: Config, answers: _Answers) -> Answer:
    _bounded(config.instance.limits)
    try:
        match order.task:
            case "stage":
                return Answer(planned=asyncio.run(_staged(order, config, answers)))
            case "plan":
                return Answer(planned=_replanned(order, config))
            case "diff":
                _different(order, config)
                return Answer(rejects=())
            case "rejects":
                return Answer(rejects=tuple(asyncio.run(_rejects(order, config))))
    except DataError as error:
        noted = Noted(code=error.code, message=shown(str(error)), line=error.line)
        nothing = Planned(descriptors=(), parts=(), problems=(), told=0, refused=noted)
        return Answer(planned=nothing)
    except ImpexError as error:
        return Answer(trouble=Trouble(kind="world", what=str(error), hint=error.hint))
    except OSError as error:
        told = f"{error.strerror or error}: {shown(str(error.filename or order.source))}"
        hint = "look at the disk; it is tried again by itself"
        return Answer(trouble=Trouble(kind="world", what=told, hint=hint))
    except MemoryError:
        os._exit(70)  # what is left of this process cannot be trusted to answer
    except Exception as error:
        what = f"{type(error).__name__}: {shown(str(error))}"
        return Answer(trouble=Trouble(kind="bug", what=what, trace=traceback.format_exc(limit=-12)))


async def _staged(order: Order, config: Config, answers: _Answers) -> Planned:
    telling = _Telling(answers)
    with _stage(order, fresh=True) as db:
        if order.origin == _PARKED:
            staged = waiting.fill(db, Path(order.source), config.descriptors, config.catalogue)
        else:
            staged = await _filled(db, order, config, telling)
        telling.phase("plan")
        draft.index(db, staged)
        return _planned(db, order, config, staged)


async def _filled(
    db: staging.Staging, order: Order, config: Config, telling: "_Telling"
) -> stage.Staged:
    group = config.groups[order.group]
    limits = config.instance.limits
    descriptors = {name: config.descriptors[name] for name in group.descriptors}
    with (
        unpack.files(Path(order.source), order.name, limits, group.zip_names) as files,
        keep.opened(config.var) as shelf,
    ):
        matched = match.plan([file.name for file in files], descriptors)
        used = dict.fromkeys(one.descriptor for one in matched.taken)
        forms = sheets.forms(used, descriptors, config.catalogue)
        return await stage.fill(db, files, descriptors, forms, matched, limits, telling, shelf)


def _planned(db: staging.Staging, order: Order, config: Config, staged: stage.Staged) -> Planned:
    listed = config.instance.limits.problems
    group = config.groups[order.group]
    planned = draft.make(db, order.run, staged, group, config.catalogue, listed)
    waiting.write(db, staged, Path(order.scratch))
    return planned


def _replanned(order: Order, config: Config) -> Planned:
    with _stage(order, fresh=False) as db:
        staged = stage.kept(db, config.descriptors, config.catalogue)
        draft.forget(db, staged)
        return _planned(db, order, config, staged)


def _different(order: Order, config: Config) -> None:
    with _stage(order, fresh=False) as db:
        staged = stage.kept(db, config.descriptors, config.catalogue)
        diff.write(db, staged, Path(order.scratch).parent / diff.NAME)


async def _rejects(order: Order, config: Config) -> list[str]:
    group = config.groups[order.group]
    limits = config.instance.limits
    if order.origin == _PARKED:
        return []
    with (
        unpack.files(Path(order.source), order.name, limits, group.zip_names) as files,
        _stage(order, fresh=False) as db,
    ):
        staged = stage.kept(db, config.descriptors, config.catalogue)
        where = rejects.Place(Path(order.scratch).parent, order.run)
        return await rejects.write(db, files, staged.parts, config.descriptors, limits, where)


def _stage(order: Order, *, fresh: bool) -> AbstractContextManager[staging.Staging]:
    return staging.opened(order.url, Path(order.scratch), order.run, fresh=fresh)


class _Telling:
    """Sends a sign of life now and then."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._next = 0.0
        self._last = (0, 0.0)

    def __call__(self, rows: int, done: float) -> None:
        self._last = (rows, done)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._answers(Answer(progress=Progress(phase="stage", rows=rows, done=done)))

    def phase(self, name: str) -> None:
        rows, done = self._last
        self._answers(Answer(progress=Progress(phase=name, rows=rows, done=done)))


def _bounded(limits: Limits) -> None:
    """Bound what the next order may use; processor time counts from now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + limits.cpu, resource.RLIM_INFINITY))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    held = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + limits.memory, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
