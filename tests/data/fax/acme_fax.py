"""An exporter as a user writes one, in a package of their own: it knows nothing of impexd's inside."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from impexd.model.base import Model
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.outbound import Outbound
from impexd.model.telling import Done, Frozen, Means, Outcome, Telling


class Settings(Model):
    """`[fax]`."""

    number: str
    pages: int = Field(default=1, ge=1)
    machine: str
    """The file that plays the machine."""


class Fax:
    """Sends faxes."""

    settings = Settings
    on_unknown = OnUnknown.HOLD
    asks = False
    manual = False

    def faults(self, settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Look at the number."""
        if not settings.number.startswith("+"):
            yield Fault(("number",), "a number that begins with + is wanted here")

    def freeze(self, _settings: Settings, telling: Telling, _means: Means, /) -> Frozen:
        """Write the page."""
        return Frozen(f"order {telling.order['number']}".encode(), "text/plain")

    async def send(self, settings: Settings, frozen: Frozen, key: str, _means: Means, /) -> Outcome:
        """Send it."""
        with Path(settings.machine).open("a") as machine:
            machine.write(f"{settings.number} {key} {frozen.body.decode()}\n")
        return Done("page 1")

    async def ask(
        self, _settings: Settings, _frozen: Frozen, _key: str, _means: Means, /
    ) -> Outcome:
        """Nobody to ask."""
        raise NotImplementedError
