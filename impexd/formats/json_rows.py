"""Rows cut from JSON, in batches: the common end of `json` and `jsonl`."""

from collections.abc import AsyncGenerator, Iterator, Sequence

from impexd.core.errors import DataError
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem
from impexd.ports import BATCH, Batch, Row, Table


def table(found: Iterator[Row | Problem], wanted: Sequence[str | int], limits: Limits) -> Table:
    """
    Give rows and problems as a table; its header is what is wanted, as for XML.

    The iteration raises `too_many_rows`, and what `found` raises.
    """
    positions = {source: at for at, source in enumerate(wanted)}
    return Table(tuple(map(str, wanted)), positions, _batches(found, limits))


async def _batches(found: Iterator[Row | Problem], limits: Limits) -> AsyncGenerator[Batch, None]:
    batch = Batch([], [])
    count = 0
    for one in found:
        count += 1
        if isinstance(one, Problem):
            batch.problems.append(one)
        else:
            batch.rows.append(one)
        if count % BATCH == 0:
            _refuse_more(count, limits)
            yield batch
            batch = Batch([], [])
    _refuse_more(count, limits)
    if batch.rows or batch.problems:
        yield batch


def _refuse_more(count: int, limits: Limits) -> None:
    if count > limits.rows:
        raise DataError(Code.TOO_MANY_ROWS, f"the file has more than {limits.rows} records")
