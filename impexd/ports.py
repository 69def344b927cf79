"""
The doors between impexd and what is plugged into it: small protocols, and the values they pass.

A format reads bytes and gives a `Table` of rows.  It says what is wrong with a row as a
`Problem` and goes on; what is wrong with the file as a whole it raises as `DataError`, also
late, out of the iteration: whoever reads then takes back everything this file has given.

An exporter tells a partner about an order, and says honestly what came of it.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from impexd.model.base import Model
from impexd.model.descriptor import Layout
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.limits import Limits
from impexd.model.outbound import Outbound
from impexd.model.problem import Problem
from impexd.model.telling import Frozen, Means, Outcome, Telling

Row = tuple[int, list[str | None]]
"""
The physical line a row starts on, counted from 1, and its cells as found; None: no such cell.

The lines of a file rise from row to row.  Where several rows start on one line, as they may in XML
and JSON, each counts as one line more than the row before: in a file of one line that is its place.
"""

Opener = Callable[[], BinaryIO]
"""Gives a stream from the first byte on, each time it is called; who calls it closes the stream."""

BATCH = 500
"""Most rows of a batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, in order, and what is wrong with the rows that are not among them."""

    rows: list[Row]
    problems: list[Problem]
    """One for each row that is not given."""
    broken: list[Row] = field(default_factory=list)
    """The cells of those rows, as far as they could be told apart: for a file of rejects."""
    torn: list[tuple[int, str]] = field(default_factory=list)
    """Line and text of those rows that no cells could be made of, for the same."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows of cells, while it is being read."""

    names: tuple[str, ...]
    """The header as found; "1", "2" ... for a file without one."""
    positions: Mapping[str | int, int]
    """For each wanted source: its index among the cells of a row."""
    batches: AsyncIterator[Batch]


class Reader(Protocol):
    """
    Reads one format.

    It MUST NOT hold more than a few batches in memory, whatever the file; it MAY block, because
    it runs in a worker process where nothing waits for it; it MAY open the stream twice.
    """

    async def __call__(
        self, opener: Opener, layout: Layout, wanted: Sequence[str | int], limits: Limits, /
    ) -> Table:
        """
        Read the header and find the wanted sources; the rows come when iterated.

        `wanted` are the `from` of a descriptor's columns: header names, `NAME#2` for the second
        column so named, or positions from 1.  Raises `DataError` if one is missing.
        """
        ...


EXTRA = ("_line", "_problem")
"""What a row of a file of rejects has more than its source; nobody wants it when it comes back."""


class Rejecter(Protocol):
    """
    Writes the rejected rows of a file, in the file's own layout: a format's other half.

    What it writes MUST be taken by the reader of the format under the same layout, give the same
    cells again once it is mended, and have `EXTRA` in each row.
    """

    async def __call__(
        self,
        opener: Opener,
        layout: Layout,
        lines: Iterator[tuple[int, str]],
        out: BinaryIO,
        limits: Limits,
        /,
    ) -> None:
        """
        Read the file again, and write the rows on `lines`, each with the text beside its line.

        The lines rise.  A file that ends badly is written as far as it could be read.
        """
        ...


class Exporter(Protocol):
    """
    Tells somebody else about an order or a delivery.  Entry point group: `impexd.exporters`.

    The entry point names a class that is made without arguments.  A file of `etc/exporters/` chooses
    it by `type = "NAME"`; its own settings stand there in a table `[NAME]`.

    What `freeze` gave is kept before anything is sent, and `send` gets the same again, with the same
    key, as often as it takes: after a crash it may have been sent already.  An exporter SHOULD see
    to it that the partner can tell by the key.  No transaction is open meanwhile.
    """

    settings: type[Model]
    """The model of its table; frozen, unknown keys refused."""
    on_unknown: OnUnknown
    """What is done by default when the outcome is not known."""
    asks: bool
    """Can it ask the partner whether it knows a key?"""
    manual: bool
    """Is a person's word all there is to it?  Then nothing is ever sent."""

    def faults(self, settings: Any, outbound: Outbound, /) -> Iterator[Fault]:
        """Pure: say what is wrong with its table beyond its types; paths start below `[NAME]`."""
        ...

    def freeze(self, settings: Any, telling: Telling, means: Means, /) -> Frozen:
        """
        Make what is sent.  Called once for each key, off the loop.

        Raises `DataError` if it cannot be made: the task is held for a person.
        """
        ...

    async def send(self, settings: Any, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """
        Send it, and say what came of it.

        It MUST say `Unknown` unless it is certain.  What it raises counts as `Doubtful`.
        """
        ...

    async def ask(self, settings: Any, frozen: Frozen, key: str, means: Means, /) -> Outcome:
        """
        Ask the partner about a key: `Done` if it has it, `NotTaken` if it has not.

        Called only if `asks`.
        """
        ...
