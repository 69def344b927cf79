"""
Rows that stand in lists inside their records: the lines of orders.

Takes a record as it was read; gives the way down to each of its rows, objects all along.  A record
in which one of them is no object, or a list is missing or empty, has no rows and one problem: half
of an order is none.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from impexd.formats import json_values
from impexd.formats.json_cells import Checks, found, no_object, told
from impexd.formats.json_values import Fault, Value
from impexd.model import json_path
from impexd.model.json_path import Keys
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem
from impexd.ports import Row

Way = tuple[dict[str, Any], ...]
"""A record, what lies between, a row."""


def ways(value: Value, inner: Sequence[Keys]) -> list[Way] | Fault:
    """Pure: the way to each row of a record, in their order, or what is wrong with the record."""
    reached: list[Way] = [(value,)] if isinstance(value, dict) else []
    for keys in inner:
        further: list[Way] = []
        for way in reached:
            name = ".".join(keys)
            elements = found(way[-1], keys)
            if not isinstance(elements, list) or not elements:
                what = "this has to be a list with something in it"
                return Fault(Code.BAD_STRUCTURE, what, name)
            for element in elements:
                if not isinstance(element, dict):
                    return Fault(Code.BAD_STRUCTURE, "an object is wanted in this list", name)
                further.append((*way, element))
        reached = further
    return reached


def opened(
    text: str, value: Value, faults: Sequence[Fault], inner: Sequence[Keys], checks: Checks
) -> list[Way] | Fault:
    """Pure: the way to each row of a record that was read from `text`, or why it has none."""
    fault = faults[0] if faults else checks.deep(text, value)
    if fault is None and not isinstance(value, dict):
        fault = no_object(text)
    return ways(value, inner) if fault is None else fault


def pruned(value: Any, inner: Sequence[Keys], kept: Collection[int]) -> Any:
    """Pure: a record with those elements of its lists alone whose `id` is kept."""
    if not inner:
        return value
    first, *further = inner
    *way, last = first
    copy = dict(value)
    at = copy
    for key in way:
        at[key] = dict(at[key])
        at = at[key]
    at[last] = [pruned(one, further, kept) for one in at[last] if id(one) in kept]
    return copy


class Numbers:
    """Numbers the rows of a file: each at least one more than the row before, see `ports.Row`."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, line: int) -> int:
        """Give the number of a row whose record starts on this line."""
        self._last = max(line, self._last + 1)
        return self._last


class NestedCutter:
    """Cuts records into the rows that stand in them."""

    def __init__(self, wanted: Sequence[str], inner: Sequence[Keys], limits: Limits) -> None:
        """ValueError if one of the paths is none; descriptors are checked for that."""
        self._inner = tuple(inner)
        self._places = [json_path.value(path, self._inner) for path in wanted]
        self._checks = Checks(wanted, limits)
        self._numbers = Numbers()

    def rows(
        self, line: int, text: str, value: Value, faults: Sequence[Fault]
    ) -> Iterator[Row | Problem]:
        """Give the rows of a record that was read from `text`; one problem if it has none."""
        reached = opened(text, value, faults, self._inner, self._checks)
        if isinstance(reached, Fault):
            yield told(reached, self._numbers.next(line))
            return
        for way in reached:
            number = self._numbers.next(line)
            cells = [json_values.text(found(way[depth], path)) for depth, path in self._places]
            odd = self._checks.odd(text, cells)
            yield (number, cells) if odd is None else told(odd, number)

    def torn(self, problem: Problem) -> Problem:
        """Give the problem of a record that could not be read, numbered among the rows."""
        return replace(problem, line=self._numbers.next(problem.line or 0))
