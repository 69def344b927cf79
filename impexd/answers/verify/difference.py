"""One thing that is not as the journal says."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong, and what can be done about it."""

    code: str
    """A stable word for programs."""
    what: str
    hint: str
    run: int | None = None
    path: str | None = None

    def told(self) -> dict[str, Any]:
        """Pure: as one JSON object."""
        return asdict(self)
