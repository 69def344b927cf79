"""What feeds work with: the store, the configuration in force, whom they hand messages to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core import secret
from impexd.core.clock import Clock
from impexd.core.doorbell import Doorbell
from impexd.core.errors import ImpexError
from impexd.model.config import Config
from impexd.model.message import Heard, Message
from impexd.model.secret import Secret
from impexd.store.engine import Store

Apply = Callable[[AsyncConnection, Config, Message], Awaitable[Heard]]
"""Apply one message in a transaction; what orders do with it."""
Ring = Callable[[AsyncConnection], Awaitable[object]]
"""Have messages heard soon: a job, in the transaction that keeps them."""

Ask = Callable[[AsyncConnection, str], Awaitable[object]]
"""Have a feed asked soon: a job, in the transaction; once for all who want it."""

FRESH = 30.0
"""Seconds for which a secret that was fetched is good."""


class NoSecret(ImpexError):
    """A secret is not where it is said to be."""

    passing = True


@dataclass(slots=True)
class Bench:
    """One for an instance."""

    store: Store
    spool: Store | None
    """Where pushed messages are kept first, if the store has one writer only; see `intake`."""
    clock: Clock
    config: Callable[[], Config]
    """Gives the configuration in force."""
    apply: Apply
    ring: Ring
    ask: Ask
    bell: Doorbell = field(default_factory=Doorbell)
    """Rung when something lies in the spool, or an order has come that messages may wait for."""
    _secrets: dict[tuple[Path, Secret], tuple[float, str]] = field(default_factory=dict)

    async def secret(self, said: Secret) -> str:
        """Fetch a secret; raises `NoSecret`."""
        home = self.config().etc
        found = self._secrets.get((home, said))
        if found is not None and self.clock.monotonic() - found[0] < FRESH:
            return found[1]

        def fetch() -> tuple[str, str]:
            return secret.fetched(home, file=said.file, credential=said.credential, env=said.env)

        text, wrong = await anyio.to_thread.run_sync(fetch)
        if wrong:
            raise NoSecret(wrong, hint="the feed works again when the secret is there")
        self._secrets[home, said] = (self.clock.monotonic(), text)
        return text

    def placed(self, tx: AsyncConnection) -> None:
        """Have messages that wait for orders looked at, once the transaction that places some is committed."""
        self.store.after_commit(tx, self.bell.ring)
