"""A doorbell: whoever waits learns that there is something to look at, and not what."""

from dataclasses import dataclass, field

import anyio


@dataclass(slots=True)
class Doorbell:
    """
    Rung as often as anybody likes; many rings before a look are one.

    Take `event` before you look, and wait for it after: a ring while you look is not lost.
    """

    event: anyio.Event = field(default_factory=anyio.Event)
    """Set, and replaced, by the next ring."""

    def ring(self) -> None:
        """Have whoever waits look now."""
        event, self.event = self.event, anyio.Event()
        event.set()
