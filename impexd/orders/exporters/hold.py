"""A hold: nobody is told; what follows waits for a person's word."""

from collections.abc import Iterator

from impexd.model.base import Model
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.outbound import Outbound
from impexd.model.telling import Doubtful, Frozen, Means, Outcome, Telling


class Settings(Model):
    """`[hold]`: nothing is to be said."""


class Hold:
    """Waits for a person."""

    settings = Settings
    on_unknown = OnUnknown.HOLD
    asks = False
    manual = True

    def faults(self, _settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Find nothing wrong."""
        return iter(())

    def freeze(self, _settings: Settings, _telling: Telling, _means: Means, /) -> Frozen:
        """Give nothing: nothing is sent."""
        return Frozen(b"", "")

    async def send(
        self, _settings: Settings, _frozen: Frozen, _key: str, _means: Means, /
    ) -> Outcome:
        """Wait on."""
        return Doubtful("waits for a person")

    async def ask(
        self, _settings: Settings, _frozen: Frozen, _key: str, _means: Means, /
    ) -> Outcome:
        """Wait on."""
        return Doubtful("waits for a person")
