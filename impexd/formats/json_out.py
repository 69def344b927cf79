"""
Records as JSON: one document, or one object a line.

The function that writes a record is generated once for a file.  No text of a descriptor ever
becomes source: keys are bound as names.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, BinaryIO

from impexd.formats.shape import Cell, Nest, Records, Shape, Values
from impexd.model import json_path
from impexd.model.export import ExportFormat, Output

Tree = dict[str, Any]
"""Key -> a further tree, or the source of the value."""


def write(
    out: BinaryIO,
    shape: Shape,
    layout: Output,
    records: Iterator[Records],
    _about: Mapping[str, Any],
    /,
) -> None:
    """Write all records."""
    made = function(shape.cells, shape.nests)
    if layout.format is ExportFormat.JSONL:
        out.writelines("".join([f"{made(one)}\n" for one in some]).encode() for some in records)
        return
    out.write(f"{{{json.dumps(layout.root)}:[".encode() if layout.root else b"[")
    before = "\n"
    for some in records:
        out.write((before + ",\n".join([made(one) for one in some])).encode())
        before = ",\n"
    out.write(b"\n]}\n" if layout.root else b"\n]\n")


def function(cells: Sequence[Cell], nests: Sequence[Nest] = ()) -> Callable[[Values], str]:
    """Write the function that makes an object of a record."""
    names: dict[str, Any] = {"quote": encode_basestring, "nested": nested}
    tree: Tree = {}
    for n, cell in enumerate(cells):
        shown = {"text": f"quote(v{n})", "json": f"nested(v{n})"}.get(cell.kind, f"v{n}")
        _put(tree, cell.to, f"{{'null' if v{n} is None else {shown}}}")
    for n, nest in enumerate(nests):
        names[f"nest{n}"] = _list(function(nest.cells, nest.nests))
        _put(tree, nest.to, f"{{nest{n}(n{n})}}")
    body = _object(tree, names)
    values = [f"v{n}" for n in range(len(cells))] + [f"n{n}" for n in range(len(nests))]
    source = f'def made(record):\n  {", ".join(values)}, = record\n  return f"{body}"'
    exec(compile(source, "<descriptor>", "exec"), names)  # noqa: S102 (our own source)
    made: Callable[[Values], str] = names["made"]
    return made


def nested(value: str) -> str:
    """
    Pure: JSON as a part of JSON.

    A text or a null of its own goes as text in quotes: as it is, a reader would take the one for
    the text it holds, and the other for nothing at all.
    """
    return encode_basestring(value) if value[:1] in ('"', "n") else value


def _put(tree: Tree, path: str, value: str) -> None:
    *above, last = json_path.cell(path)
    for key in above:
        below = tree.setdefault(str(key), {})
        tree = below if isinstance(below, dict) else tree
    tree[str(last)] = value


def _object(tree: Tree, names: dict[str, Any]) -> str:
    """Pure: the inside of an f-string that writes an object."""
    parts = []
    for key, value in tree.items():
        name = f"key{len(names)}"
        names[name] = json.dumps(key, ensure_ascii=False) + ":"
        inner = _object(value, names) if isinstance(value, dict) else value
        parts.append(f"{{{name}}}{inner}")
    return "{{" + ",".join(parts) + "}}"


def _list(made: Callable[[Values], str]) -> Callable[[Records], str]:
    return lambda records: f"[{','.join(map(made, records))}]"
