"""What the chain works with: the store, the configuration in force, the clock, and its jobs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd import plugins
from impexd.core.clock import Clock
from impexd.core.doorbell import Doorbell
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.model.config import Config
from impexd.model.exporter import Exporter, OnUnknown
from impexd.model.telling import Means
from impexd.ports import Exporter as Kind
from impexd.store.engine import Store

Enqueue = Callable[[AsyncConnection, str | None], Awaitable[object]]
"""
Make a job, in the caller's transaction: flags looked at (None), or an exporter's tasks sent (its name).

It MUST NOT make a second job where one waits, but give None.
"""


@dataclass(slots=True)
class Bench:
    """One for the daemon."""

    store: Store
    config: Config
    """The configuration in force; replaced as a whole by a reload."""
    clock: Clock
    enqueue: Enqueue
    bell: Doorbell = field(default_factory=Doorbell)
    """Rung when there may be flags to look at, or tasks to send."""
    rounds: dict[str, Doorbell] = field(default_factory=dict)
    """Exporters whose tasks are being sent here at this moment, and how to have them look again."""
    stopped: bool = False

    def flagged(self, tx: AsyncConnection) -> None:
        """Have the tables looked at as soon as this transaction is committed."""
        self.store.after_commit(tx, self.bell.ring)

    def stop(self) -> None:
        """Begin no more tasks; what is on its way is waited for."""
        self.stopped = True


def kind_of(exporter: Exporter) -> Kind:
    """Find what carries out an exporter of this type."""
    return plugins.exporters()[exporter.type]


def manual() -> frozenset[str]:
    """Name the types that only wait for a person."""
    return frozenset(name for name, kind in plugins.exporters().items() if kind.manual)


def on_unknown(exporter: Exporter) -> OnUnknown:
    """Give what is done about an unknown outcome."""
    return exporter.on_unknown or kind_of(exporter).on_unknown


def means(bench: Bench, name: str) -> Means:
    """Give what an exporter works with."""
    config = bench.config
    return Means(bench.clock, config.etc, config.var, name, config.instance.outbound)


def exporter_of(bench: Bench, name: str) -> Exporter:
    """Find an exporter; UsageError if there is none."""
    if name not in bench.config.exporters:
        known = ", ".join(sorted(bench.config.exporters)) or "none"
        raise UsageError(f"there is no exporter {shown(name)}", hint=f"there are: {known}")
    return bench.config.exporters[name]
