"""What commands have in common."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import anyio

from impexd.core.errors import UsageError
from impexd.core.text import shown

T = TypeVar("T")


def asynchronously(work: Callable[[], Awaitable[T]]) -> T:
    """Run asynchronous work to its end; gives what it gives, raises what it raises."""

    async def main() -> T:
        return await work()

    return anyio.run(main)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Write files below a place that a person named; UsageError where that cannot be done."""
    try:
        yield
    except OSError as error:
        where = shown(str(error.filename or place), limit=300)
        what = f"{where} cannot be written: {error.strerror or shown(str(error), limit=300)}"
        raise UsageError(what, hint="name a folder that you may write to") from error
