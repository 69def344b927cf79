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
        self._wanted = wanted
        self._limits = limits
        paths = [json_path.cell(path) for path in wanted]
        self._places = [(str(path[0]), path if len(path) > 1 else None) for path in paths]

    def cut(self, line: int, text: str, value: Value, faults: Sequence[Fault]) -> Row | Problem:
        """Make a row of a value that was read from `text`."""
        fault = faults[0] if faults else self._fault(text, value)
        if fault is None and isinstance(value, dict):
            try:
                cells = self._cells(value)
            except RecursionError:
                fault = self._too_deep()
            else:
                if "\\u" not in text and len(text) <= self._limits.field:
                    return line, cells
                fault = self._odd(cells)
                if fault is None:
                    return line, cells
        if fault is None:
            fault = Fault(Code.BAD_STRUCTURE, "an object is wanted here", cell=text)
        return about(fault.code, fault.what, line=line, column=fault.column, cell=fault.cell)

    def _cells(self, value: dict[str, Value]) -> list[str | None]:
        cells: list[str | None] = []
        for key, path in self._places:
            found = value.get(key) if path is None else _found(value, path)
            cells.append(found if type(found) is str else json_values.text(found))
        return cells

    def _fault(self, text: str, value: Value) -> Fault | None:
        most = self._limits.xml_depth
        if text.count("{") + text.count("[") > most and json_values.deep(value, most):
            return self._too_deep()
        return None

    def _too_deep(self) -> Fault:
        return Fault(Code.TOO_DEEP, f"values are nested more than {self._limits.xml_depth} deep")

    def _odd(self, cells: list[str | None]) -> Fault | None:
        most = self._limits.field
        for column, cell in zip(self._wanted, cells, strict=True):
            if cell and len(cell) > most:
                what = f"this has {len(cell)} characters, {most} are taken"
                return Fault(Code.VALUE_TOO_LONG, what, column, cell)
            if cell and NO_TEXT.search(cell):
                what = "NUL characters and halves of surrogate pairs are no text"
                return Fault(Code.BAD_VALUE, what, column, cell)
        return None


def _found(value: Value, path: tuple[str | int, ...]) -> Value:
    """Pure: what a path leads to; None if it leads nowhere."""
    for part in path:
        if isinstance(part, str):
            value = value.get(part) if isinstance(value, dict) else None
        else:
            value = value[part] if isinstance(value, list) and part < len(value) else None
    return value
