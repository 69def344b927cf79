"""
Slow down who guesses passwords: by account and by address, never by shutting an account.

Each failure makes the next try on the same account wait longer, up to `MOST` seconds, and tries on
one account wait for each other: some six a minute for all the world together.  The right password
still opens, only later.  Too many that wait, or too many from one address, are turned away at once.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from impexd.core.clock import Clock
from impexd.core.errors import ImpexError

FREE, MOST, FORGET = 3, 10.0, 900.0
QUEUE, ADDRESS, KEPT = 8, 20, 10_000


class TooMany(ImpexError):
    """Too many tries; wait a minute."""


@dataclass(slots=True)
class _Account:
    failures: int = 0
    at: float = 0.0
    waiting: int = 0
    lock: anyio.Lock = field(default_factory=anyio.Lock)


def delay(failures: int) -> float:
    """Pure: seconds to wait after so many failures."""
    return 0.0 if failures < FREE else float(min(2.0 ** (failures - FREE), MOST))


class Gate:
    """Remembers failures, in memory: a restart forgives."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._addresses: OrderedDict[str, list[float]] = OrderedDict()

    @asynccontextmanager
    async def trying(self, name: str, address: str) -> AsyncIterator["Try"]:
        """Wait as long as need be, then let one try; raises `TooMany`."""
        now = self._clock.monotonic()
        recent = [at for at in self._addresses.get(address, []) if now - at < 60]
        account = self._accounts.setdefault(name, _Account())
        self._accounts.move_to_end(name)
        if len(recent) >= ADDRESS or account.waiting >= QUEUE:
            raise TooMany
        account.waiting += 1
        try:
            async with account.lock:
                if now - account.at > FORGET:
                    account.failures = 0
                await anyio.sleep(delay(account.failures))
                one = Try()
                yield one
                account.at = self._clock.monotonic()
                account.failures = 0 if one.good else account.failures + 1
                if not one.good:
                    self._addresses[address] = [*recent, account.at]
        finally:
            account.waiting -= 1
            self._bounded()

    def _bounded(self) -> None:
        while len(self._accounts) > KEPT and not next(iter(self._accounts.values())).waiting:
            self._accounts.popitem(last=False)
        while len(self._addresses) > KEPT:
            self._addresses.popitem(last=False)


@dataclass(slots=True)
class Try:
    """One try; whoever makes it says how it went."""

    good: bool = False
