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
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault, place
from impexd.model.outbound import Outbound
from impexd.model.telling import Done, Doubtful, Frozen, Means, NotTaken, Outcome, Telling
from impexd.orders.exporters import body, naming
from impexd.orders.exporters.body import Body

MODE = 0o640


class Settings(Model):
    """`[file]`."""

    path: str | None = None
    """The folder; `outbox/<exporter>` below var if not said.  An absolute one must be there."""
    name: str = "{flag}-{order}-{task}-{generation}.{suffix}"
    companion: bool = False
    """An empty `NAME.ready` beside it, once it is there."""
    body: Body = Field(default=Body())


class File:
    """Lays files into a folder."""

    settings = Settings
    on_unknown = OnUnknown.RETRY
    asks = False
    manual = False

    def faults(self, settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Look at its path, its name, its body."""
        if settings.path is not None and (reason := place.written(settings.path)):
            yield Fault(("path",), reason)
        name = settings.name.replace("{suffix}", "")
        if reason := naming.fault(name, once=True):
            yield Fault(("name",), reason)
        elif "/" in name or name.startswith("."):
            yield Fault(
                ("name",), "a name without folders is wanted here, not beginning with a dot"
            )
        for fault in body.faults(settings.body):
            yield Fault(("body", *fault.path), fault.what)

    def freeze(self, settings: Settings, telling: Telling, _means: Means, /) -> Frozen:
        """Write the body and settle the name."""
        pattern = settings.name.replace("{suffix}", settings.body.suffix)
        fixed = {"name": naming.file(pattern, telling)}
        return Frozen(body.made(settings.body, telling), settings.body.media, fixed)

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

    async def ask(
        self, _settings: Settings, _frozen: Frozen, _key: str, _means: Means, /
    ) -> Outcome:
        """Nobody to ask."""
        raise NotImplementedError


def _laid(folder: Path, name: str, data: bytes, ours: bool, companion: bool) -> None:
    if ours:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with durable.opened(folder) as there:
        durable.write(there, name.encode(), data, mode=MODE)
        if companion:
            durable.write(there, f"{name}.ready".encode(), b"", mode=MODE)
