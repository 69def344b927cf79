"""What orders are worked with: the settings in force, and where stock is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.clock import Clock
from impexd.model.config import Config
from impexd.model.faults.ordering import OFF
from impexd.model.ordering import Orders
from impexd.store import stock
from impexd.store.stock import Shelf

Flagged = Callable[[AsyncConnection], object]
"""Called in a transaction that has raised flags: have them looked at once it is committed."""


def nobody(_tx: AsyncConnection) -> None:
    """Tell nobody: the flags are found by whoever looks next."""


@dataclass(frozen=True, slots=True)
class Bench:
    """One for each configuration."""

    settings: Orders
    clock: Clock
    shelf: Shelf | None
    """None where stock is kept elsewhere."""
    flagged: Flagged = nobody
    placed: Flagged = nobody
    """Called in a transaction that has placed orders: somebody may wait for them."""

    @property
    def least(self) -> Decimal | None:
        """The total from which on a person has to approve."""
        amount = self.settings.approval.amount
        return None if amount is None else Decimal(amount)


def bench(
    config: Config, clock: Clock, flagged: Flagged = nobody, placed: Flagged = nobody
) -> Bench:
    """Pure: what a configuration says about orders."""
    settings = config.instance.orders
    if settings.stock == OFF:
        return Bench(settings, clock, None, flagged, placed)
    kind = config.catalogue[settings.stock]
    return Bench(settings, clock, stock.shelf(kind, settings.stock_fields), flagged, placed)
