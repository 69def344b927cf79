"""How long to wait before trying again: longer each time, never in step with others."""

from dataclasses import dataclass

from impexd.core.clock import Clock


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits from `first` to `most` seconds, each cut by up to half at random."""

    first: float
    most: float

    def delay(self, attempt: int, *, chance: float) -> float:
        """
        Pure: give the seconds to wait after the `attempt`th failure (from 1).

        `chance` lies in [0, 1): without it, all who failed together would come back together.
        """
        doubled = self.first * 2.0 ** min(max(attempt, 1) - 1, 60)
        return min(doubled, self.most) * (1.0 - chance / 2.0)


def chance(clock: Clock) -> float:
    """Draw a number in [0, 1) from the clock's random source."""
    return int(clock.token()[:8], 16) / 2**32
