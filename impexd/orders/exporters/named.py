"""What exporters have in common that lay a file somewhere, under a name that no other task has."""

from collections.abc import Iterator
from typing import Any, Protocol

from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.telling import Frozen, Means, Outcome, Telling, Unknown
from impexd.orders.exporters import body, naming
from impexd.orders.exporters.body import Body

NAME = "{flag}-{order}-{task}-{generation}.{suffix}"
"""What a file is called if nothing is said."""


class Named(Protocol):
    """The settings of such an exporter."""

    @property
    def name(self) -> str:
        """A pattern."""
        ...

    @property
    def body(self) -> Body:
        """What is in the file."""
        ...


class Silent:
    """A partner of whom nothing can be asked."""

    asks = False
    manual = False

    async def ask(self, _settings: Any, _frozen: Frozen, _key: str, _means: Means, /) -> Outcome:
        """Never asked; it could not say."""
        return Unknown("this partner cannot be asked")


class Laying(Silent):
    """Lays a file down; sent again, it finds the file there by its name."""

    on_unknown = OnUnknown.RETRY

    def freeze(self, settings: Any, telling: Telling, _means: Means, /) -> Frozen:
        """Write the body and settle the name."""
        pattern = settings.name.replace("{suffix}", settings.body.suffix)
        fixed = {"name": naming.file(pattern, telling)}
        return Frozen(body.made(settings.body, telling), settings.body.media, fixed)


def faults(settings: Named) -> Iterator[Fault]:
    """Pure: what is wrong with name and body."""
    name = settings.name.replace("{suffix}", "")
    if reason := naming.fault(name, once=True):
        yield Fault(("name",), reason)
    elif "/" in name or name.startswith("."):
        yield Fault(("name",), "a name without folders is wanted here, not beginning with a dot")
    for fault in body.faults(settings.body):
        yield Fault(("body", *fault.path), fault.what)
