"""
The worker process of exports: reads a snapshot and writes a draft, away from the daemon's loop.

Started as `python -m impexd.exports.worker PARENT` (see `core.serving`).
"""

import os
import sys
import time
import traceback

from impexd.core import serving
from impexd.core.errors import DataError, ImpexError
from impexd.core.text import shown
from impexd.exports import draft
from impexd.exports.order import Answer, Order, Refused
from impexd.model.config import Config
from impexd.model.work import Progress, Trouble

EVERY = 0.2
"""Seconds between two signs of life."""


def main() -> None:
    """Serve orders until standard input ends."""
    kept: dict[str, Config] = {}

    def carry_out(line: bytes, terms: str, answers: serving.Answers) -> None:
        order = Order.model_validate_json(line)
        if order.config not in kept:
            kept.clear()
            kept[order.config] = Config.from_json(terms)
        telling = _Telling(answers)
        telling.answer(_served(order, kept[order.config], telling))

    serving.serve(int(sys.argv[1]), carry_out)


class _Telling:
    """Sends answers, and a sign of life now and then."""

    def __init__(self, answers: serving.Answers) -> None:
        self._answers = answers
        self._next = 0.0

    def answer(self, answer: Answer) -> None:
        self._answers(answer.model_dump_json(exclude_none=True).encode())

    def __call__(self, rows: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            self.answer(Answer(progress=Progress(phase="export", rows=rows, done=0.0)))


def _served(order: Order, config: Config, told: draft.Told) -> Answer:
    limits = config.instance.limits
    serving.bounded(memory=limits.memory, cpu=limits.cpu)
    try:
        told(0)
        return Answer(written=draft.write(order, config, told))
    except DataError as error:
        refused = Refused(code=error.code, message=shown(str(error), limit=500), hint=error.hint)
        return Answer(refused=refused)
    except ImpexError as error:
        return Answer(trouble=Trouble(kind="world", what=str(error), hint=error.hint))
    except OSError as error:
        told_of = f"{error.strerror or error}: {shown(str(error.filename or order.draft))}"
        hint = "look at the disk; it is tried again by itself"
        return Answer(trouble=Trouble(kind="world", what=told_of, hint=hint))
    except MemoryError:
        os._exit(70)  # what is left of this process cannot be trusted to answer
    except Exception as error:
        what = f"{type(error).__name__}: {shown(str(error))}"
        return Answer(trouble=Trouble(kind="bug", what=what, trace=traceback.format_exc(limit=-12)))


if __name__ == "__main__":
    main()
