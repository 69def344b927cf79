"""
A file for each task, laid into a folder: complete and durable from the moment it can be seen.

Its name holds the task's number or key, so sending it again finds it there.  A partner who has
taken it meanwhile may, after a crash, see the same name with the same bytes once more.
"""

from collections.abc import Iterator
from pathlib import Path

import anyio.to_thread
from pydantic import Field

from impexd.core import durable
from impexd.model.base import Model
from impexd.model.faults import Fault, place
from impexd.model.outbound import Outbound
from impexd.model.telling import Done, Doubtful, Frozen, Means, NotTaken, Outcome
from impexd.orders.exporters import named
from impexd.orders.exporters.body import Body
from impexd.orders.exporters.named import NAME, Laying

MODE = 0o640


class Settings(Model):
    """`[file]`."""

    path: str | None = None
    """The folder; `outbox/<exporter>` below var if not said.  An absolute one must be there."""
    name: str = NAME
    companion: bool = False
    """An empty `NAME.ready` beside it, once it is there."""
    body: Body = Field(default=Body())


class File(Laying):
    """Lays files into a folder."""

    settings = Settings

    def faults(self, settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Look at its path, its name, its body."""
        if settings.path is not None and (reason := place.written(settings.path)):
            yield Fault(("path",), reason)
        yield from named.faults(settings)

    async def send(self, settings: Settings, frozen: Frozen, _key: str, means: Means, /) -> Outcome:
        """Lay it down."""
        folder = means.var / (settings.path or f"outbox/{means.name}")
        name = str(frozen.fixed["name"])
        ours = means.var in folder.parents
        try:
            await anyio.to_thread.run_sync(
                _laid, folder, name, frozen.body, ours, settings.companion
            )
        except FileExistsError:
            return Doubtful(f"{name} is there already, with other bytes")
        except OSError as error:
            return NotTaken(f"{folder}: {error.strerror or error}", partner=True)
        return Done(name)


def _laid(folder: Path, name: str, data: bytes, ours: bool, companion: bool) -> None:
    if ours:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with durable.opened(folder) as there:
        durable.write(there, name.encode(), data, mode=MODE)
        if companion:
            durable.write(there, f"{name}.ready".encode(), b"", mode=MODE)
