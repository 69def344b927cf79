"""
The worker process: stages and plans runs, away from the daemon's loop.

Started as `python -m impexd.imports.worker PARENT` (see `core.serving`).  It can be killed at any
moment: all it leaves is a scratch folder that nobody looks at again.
"""

import asyncio
import os
import sys
import time
import traceback
from contextlib import AbstractContextManager
from pathlib import Path

from impexd.core import serving
from impexd.core.errors import DataError, ImpexError
from impexd.core.text import shown
from impexd.imports import bundle, diff, draft, match, rejects, sheets, stage, unpack, waiting
from impexd.imports.order import Answer, Noted, Order, Planned
from impexd.imports.pictures import keep
from impexd.model.config import Config
from impexd.model.descriptor import Descriptor
from impexd.model.work import Progress, Trouble
from impexd.store import staging

_PARKED = "parked"
_EVERY = 0.2
"""Seconds between two signs of life."""


def main() -> None:
    """Serve orders until standard input ends."""
    kept: dict[str, Config] = {}

    def carry_out(line: bytes, terms: str, answers: serving.Answers) -> None:
        order = Order.model_validate_json(line)
        if order.config not in kept:
            kept.clear()
            kept[order.config] = Config.from_json(terms)
        out = _Answers(answers)
        out(_served(order, kept[order.config], out))

    serving.serve(int(sys.argv[1]), carry_out)


class _Answers:
    """Answers as lines."""

    def __init__(self, answers: serving.Answers) -> None:
        self._answers = answers

    def __call__(self, answer: Answer) -> None:
        self._answers(answer.model_dump_json(exclude_none=True).encode())


def _served(order: Order, config: Config, answers: _Answers) -> Answer:
    limits = config.instance.limits
    serving.bounded(memory=limits.memory, cpu=limits.cpu)
    try:
        match order.task:
            case "stage":
                return Answer(planned=asyncio.run(_staged(order, config, answers)))
            case "plan":
                return Answer(planned=asyncio.run(_replanned(order, config, answers)))
            case "bundle":
                return Answer(bundle=asyncio.run(_bundled(order, config, answers)))
            case "diff":
                _different(order, config)
                return Answer(rejects=())
            case "rejects":
                return Answer(rejects=tuple(asyncio.run(_rejects(order, config))))
    except DataError as error:
        if order.task == "bundle":  # whose is it?  Each is looked at by itself
            return Answer(bundle=())
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
            staged = waiting.fill(
                db, Path(order.source), _descriptors(order, config), config.catalogue
            )
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


async def _bundled(order: Order, config: Config, answers: _Answers) -> tuple[Planned, ...]:
    telling = _Telling(answers)
    with _stage(order, fresh=True) as db:
        return await bundle.plan(db, order.bundle, config, config.groups[order.group], telling)


def _planned(db: staging.Staging, order: Order, config: Config, staged: stage.Staged) -> Planned:
    listed = config.instance.limits.problems
    group = config.groups[order.group]
    if order.origin == _PARKED:
        group = waiting.by_row(group)
    planned = draft.make(db, order.run, staged, group, config.catalogue, listed)
    if order.origin == _PARKED and not staged.parts:  # newer rows have taken their places
        planned = planned.model_copy(update={"refused": None})
    waiting.write(db, staged, Path(order.scratch))
    return planned


async def _replanned(order: Order, config: Config, answers: _Answers) -> Planned:
    if order.origin == _PARKED:
        return await _staged(order, config, answers)  # since when they wait stands in no stage
    with _stage(order, fresh=False) as db:
        staged = stage.kept(db, config.descriptors, config.catalogue)
        draft.forget(db, staged)
        return _planned(db, order, config, staged)


def _descriptors(order: Order, config: Config) -> dict[str, Descriptor]:
    """Pure: the descriptors in force for this drop."""
    parked = order.origin == _PARKED
    return waiting.merged(config.descriptors) if parked else config.descriptors


def _different(order: Order, config: Config) -> None:
    with _stage(order, fresh=False) as db:
        staged = stage.kept(db, _descriptors(order, config), config.catalogue)
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


if __name__ == "__main__":
    main()
