"""A clock that goes only when it is told to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """Starts at a fixed moment; `sleep` moves it instead of waiting; tokens count up."""

    wall: datetime = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    _tokens: int = 0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def token(self) -> str:
        self._tokens += 1
        return f"{self._tokens:032x}"

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once, and remember it."""
        self.slept.append(seconds)
        self.tick(seconds)
