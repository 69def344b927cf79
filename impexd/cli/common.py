"""What commands have in common."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


def asynchronously(work: Callable[[], Awaitable[T]]) -> T:
    """Run asynchronous work to its end; gives what it gives, raises what it raises."""

    async def main() -> T:
        return await work()

    return anyio.run(main)
