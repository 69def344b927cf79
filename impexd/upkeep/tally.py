"""
Count what has ended since this process started: runs, their rows, how long they took.

Read from the journal on request, on from where the last look ended, so that whoever carries runs need
not know that they are counted.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from impexd.store import figures
from impexd.store.engine import Store
from impexd.store.figures import MOST, Ended

BOUNDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Seconds: the classes that runs are counted in by how long they took."""

Place = tuple[str, str]
"""Kind and group."""


@dataclass(slots=True)
class Tally:
    """What has been counted so far."""

    since: str
    """The moment the last counted run ended at; at first the start of the process."""
    after: int = 0
    runs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(kind, group, state) -> runs."""
    rows: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(group, entity, what became of them) -> rows."""
    seconds: dict[Place, float] = field(default_factory=dict)
    took: dict[Place, Counter[float]] = field(default_factory=dict)
    """For each bound: the runs that took no longer."""

    async def look(self, store: Store) -> None:
        """Count what has ended since the last look."""
        while True:
            async with store.reading() as conn:
                found = await figures.ended(conn, self.since, self.after)
            for run in found:
                self.add(run)
            if len(found) < MOST:
                return

    def add(self, run: Ended) -> None:
        """Count one run."""
        self.since, self.after = run.finished, run.id
        self.runs[run.kind, run.group, run.state] += 1
        for entity, counts in run.counts.items():
            for result, count in counts.items():
                if isinstance(count, int) and count:
                    self.rows[run.group, entity, result] += count
        if run.started:
            self._time(
                (run.kind, run.group),
                (
                    datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)
                ).total_seconds(),
            )

    def _time(self, place: Place, seconds: float) -> None:
        self.seconds[place] = self.seconds.get(place, 0.0) + max(seconds, 0.0)
        classes = self.took.setdefault(place, Counter())
        for bound in (*BOUNDS, float("inf")):
            if seconds <= bound:
                classes[bound] += 1
