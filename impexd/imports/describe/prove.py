"""
Does it load?  A design held to its whole file, by the import's own conversion.

Takes a design; gives what would be rejected and why, and the keys and references met.  Nothing is
guessed here: a descriptor that passes has loaded its sample, as far as `ROWS` reaches.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import xxhash

from impexd.formats.registry import READERS
from impexd.imports import convert, fast
from impexd.imports.convert import Lane
from impexd.imports.describe.design import Design
from impexd.imports.fast import Fast, Slow
from impexd.model.descriptor import Descriptor
from impexd.model.limits import Limits
from impexd.model.problem import Problem
from impexd.ports import Table

ROWS = 1_000_000
"""Rows of a file that are held to it."""

HASHES = 2_000_000
"""Most keys and references of a file that are remembered."""


@dataclass(slots=True)
class Proof:
    """What a whole file makes of a design."""

    rows: int = 0
    whole: bool = True
    wrong: dict[str, Problem] = field(default_factory=dict)
    """`from` of a column -> the first problem with it."""
    malformed: list[Problem] = field(default_factory=list)
    """The first rows that could not be read."""
    unreadable: int = 0
    repeated: int = 0
    """Rows whose key stands in a row before them."""
    keys: set[int] = field(default_factory=set)
    """Hashes of the keys met."""
    points: dict[str, dict[int, str]] = field(default_factory=dict)
    """Reference -> hash and text of what it points at."""
    full: bool = False
    """Were there more than could be remembered?"""


async def of(design: Design, descriptor: Descriptor, limits: Limits) -> Proof:
    """Convert a whole file as the import would; `DataError` if it cannot be read."""
    proof = Proof()
    layout = descriptor.file
    wanted = [design.source(one.column) for one in design.filled]
    table = await READERS[layout.format](design.sheet.file.open, layout, wanted, limits)
    lane = convert.lane(design.kind, descriptor.column, table.positions)
    quick = fast.compiled(lane, table.positions)
    targets = [column.target.partition("@")[0] for column in descriptor.column]
    keys = [targets.index(name) for name in design.kind.key]
    refs = {n: name for n, name in enumerate(targets) if design.kind.fields[name].ref}
    proof.points = {name: {} for name in refs.values()}
    async with aclosing(_converted(table, lane, quick, proof)) as found:
        async for values in found:
            _note(proof, values, keys, refs)
            if proof.rows >= ROWS:
                proof.whole = False
                break
    return proof


async def _converted(
    table: Table, lane: Lane, quick: Fast | None, proof: Proof
) -> AsyncGenerator[tuple[object, ...], None]:
    """Give the values of every row that converts; note what is wrong with the others."""
    async with aclosing(table.batches) as batches:  # type: ignore[type-var]
        async for batch in batches:
            proof.rows += len(batch.rows) + len(batch.problems)
            proof.unreadable += len(batch.problems)
            proof.malformed += batch.problems[: max(0, 5 - len(proof.malformed))]
            for line, cells in batch.rows:
                record: tuple[object, ...] | list[Problem]
                try:
                    record = quick(line, cells) if quick else convert.careful(lane)(line, cells)
                except Slow:
                    record = convert.careful(lane)(line, cells)
                if isinstance(record, tuple):
                    yield record[2:]
                else:
                    for problem in record:
                        proof.wrong.setdefault(problem.column or "", problem)


def _note(
    proof: Proof, values: tuple[object, ...], keys: list[int], refs: Mapping[int, str]
) -> None:
    """Remember the key of a record, and what it points at."""
    remembered = len(proof.keys) + sum(map(len, proof.points.values()))
    if remembered >= HASHES:
        proof.full = True
        return
    key = hashed(*(values[n] for n in keys))
    if key in proof.keys:
        proof.repeated += 1
    proof.keys.add(key)
    for n, name in refs.items():
        if values[n] is not None:
            proof.points[name].setdefault(hashed(values[n]), str(values[n]))


def hashed(*values: object) -> int:
    """Pure: 64 bits that stand for a key."""
    return xxhash.xxh3_64_intdigest("\0".join(map(str, values)).encode("utf-8", "surrogatepass"))
