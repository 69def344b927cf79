"""How a partner stands: failures in a row, and until when it is left alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """One partner's."""

    failures: int = 0
    """In a row."""
    trips: int = 0
    """How often it was given a rest, in a row."""
    closed_until: str | None = None
    """Nothing is sent before."""
    reason: str | None = None
    since: str | None = None
    """When it began to fail."""

    def closed(self, now: str) -> bool:
        """Pure: is it left alone now?"""
        return self.closed_until is not None and now < self.closed_until
