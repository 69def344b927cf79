"""Cells from JSON objects: what each of the wanted paths leads to, as text."""

from collections.abc import Sequence

from impexd.formats import json_values
from impexd.formats.json_values import NO_TEXT, Fault, Value
from impexd.model import json_path
from impexd.model.limits import Limits
from impexd.model.problem import Code, Problem, about
from impexd.ports import Row


class Cutter:
    """Cuts objects into cells, one for each of the wanted paths."""

    def __init__(self, wanted: Sequence[str], limits: Limits) -> None:
        """ValueError if one of the paths is none; descriptors are checked for that."""
        paths = [json_path.cell(path) for path in wanted]
        self._places = [(str(path[0]), path if len(path) > 1 else None) for path in paths]
        self._checks = Checks(wanted, limits)

    def cut(self, line: int, text: str, value: Value, faults: Sequence[Fault]) -> Row | Problem:
        """Make a row of a value that was read from `text`."""
        checks = self._checks
        fault = faults[0] if faults else checks.deep(text, value)
        if fault is None and isinstance(value, dict):
            try:
                cells = self._cells(value)
            except RecursionError:
                fault = checks.too_deep()
            else:
                fault = checks.odd(text, cells)
                if fault is None:
                    return line, cells
        return told(fault or no_object(text), line)

    def _cells(self, value: dict[str, Value]) -> list[str | None]:
        cells: list[str | None] = []
        for key, path in self._places:
            one = value.get(key) if path is None else found(value, path)
            cells.append(one if type(one) is str else json_values.text(one))
        return cells


class Checks:
    """What of a record cannot be taken."""

    def __init__(self, wanted: Sequence[str], limits: Limits) -> None:
        self._wanted = wanted
        self._limits = limits

    def deep(self, text: str, value: Value) -> Fault | None:
        """Say that lists and objects are nested too deeply; None if not."""
        most = self._limits.xml_depth
        if text.count("{") + text.count("[") > most and json_values.deep(value, most):
            return self.too_deep()
        return None

    def too_deep(self) -> Fault:
        """Say so."""
        return Fault(Code.TOO_DEEP, f"values are nested more than {self._limits.xml_depth} deep")

    def odd(self, text: str, cells: list[str | None]) -> Fault | None:
        """Say what is wrong with the first cell that is too long or no text; all come from `text`."""
        most = self._limits.field
        if "\\u" not in text and len(text) <= most:
            return None
        for column, cell in zip(self._wanted, cells, strict=True):
            if cell and len(cell) > most:
                what = f"this has {len(cell)} characters, {most} are taken"
                return Fault(Code.VALUE_TOO_LONG, what, column, cell)
            if cell and NO_TEXT.search(cell):
                what = "NUL characters and halves of surrogate pairs are no text"
                return Fault(Code.BAD_VALUE, what, column, cell)
        return None


def no_object(text: str) -> Fault:
    """Pure: a record is none."""
    return Fault(Code.BAD_STRUCTURE, "an object is wanted here", cell=text)


def told(fault: Fault, line: int) -> Problem:
    """Pure: what is wrong with the row on this line."""
    return about(fault.code, fault.what, line=line, column=fault.column, cell=fault.cell)


def found(value: Value, path: tuple[str | int, ...]) -> Value:
    """Pure: what a path leads to; None if it leads nowhere."""
    for part in path:
        if isinstance(part, str):
            value = value.get(part) if isinstance(value, dict) else None
        else:
            value = value[part] if isinstance(value, list) and part < len(value) else None
    return value
