"""What a way to a target has to do, and the file that goes along it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from impexd.core import secret
from impexd.core.errors import WorldError
from impexd.exports.publish import Placed
from impexd.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file, and what it is called over there until it is complete."""

    path: Path | None
    """Where it lies; None if it is no more than `data`."""
    size: int
    sha256: str
    draft: str
    data: bytes = b""

    def read(self) -> bytes:
        """Read all of it; blocking."""
        return self.data if self.path is None else self.path.read_bytes()


class Carrier(Protocol):
    """An open way to a target."""

    async def taken(self, name: str) -> bool:
        """Say whether something is called that over there."""
        ...

    async def upload(self, parcel: Parcel) -> None:
        """Have all of the file over there, under its draft's name; may be repeated."""
        ...

    async def place(self, parcel: Parcel, name: str, *, again: bool) -> Placed:
        """
        Give the uploaded file its name.

        `again`: an attempt before may have done so.  LOST: there is no draft, upload it again.
        """
        ...

    async def clear(self, parcel: Parcel) -> None:
        """Remove the draft, if there is one."""
        ...


def fetched(kept: Secret, home: Path) -> str:
    """Fetch a secret; WorldError says why it cannot be had now."""
    text, wrong = secret.fetched(home, **kept.model_dump())
    if wrong:
        raise unready(wrong)
    return text


def unready(what: str) -> WorldError:
    """Pure: make the error for something of ours that is wanting."""
    return WorldError(what, hint="correct it; the file waits and is sent then")
