"""One answer to "why?": what holds, in a word for programs and a sentence for people."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is."""

    code: str
    """A stable word."""
    what: str
    hint: str = ""
    """What can be done; "" if nothing has to be."""
    group: str | None = None
    run: int | None = None

    def told(self) -> dict[str, Any]:
        """Pure: as one JSON object."""
        return asdict(self)
