"""
The descriptor by which an import takes back what an export writes.

`texts` gives TOML for `etc/descriptors/`, one text for each descriptor of a group.  What went out
of other entities, and constants, are not taken back; UsageError says what cannot be read back
as it was: a key that is not in the file, a map that makes one word of two.
"""

import json
import re
from collections.abc import Iterator, Mapping

from impexd.core.errors import UsageError
from impexd.exports import draft
from impexd.model.config import Config
from impexd.model.entity import Field, Kind, Type
from impexd.model.export import MODE, ExportColumn, ExportDescriptor, ExportFormat, Output

_HOLE = re.compile(r"\{[^{}]*\}")
_SAME = {
    ExportFormat.CSV: ("delimiter", "quote", "escape", "header"),
    ExportFormat.XML: ("namespaces",),
    ExportFormat.XLSX: ("header",),
}
"""Keys of `[file]` that say the same on both sides."""


def texts(config: Config, group: str) -> dict[str, str]:
    """Pure: give the text of a descriptor for each that the group has; `<name>-back`."""
    said = config.exports[group]
    found = {}
    for name in said.descriptors:
        file = draft.named(name, config.queries[name])
        match = re.escape(file).replace(r"\-", "-")
        if not said.zipped:
            match = _pattern(
                said.file or f"{{group}}-{{date}}-{{time}}-{{seq}}.{draft.suffix(said, config)}",
                group,
            )
        found[f"{name}-back"] = text(config.queries[name], name, match, config.catalogue)
    return found


def _pattern(file: str, group: str) -> str:
    """Pure: an expression for all names that a pattern makes, numbered ones too."""
    named = file.replace("{group}", group)
    stem, dot, suffix = named.rpartition(".")
    parts = [re.escape(part).replace(r"\-", "-") for part in _HOLE.split(stem if dot else named)]
    return ".+".join(parts) + r"(-\d+)?" + (rf"\.{re.escape(suffix)}" if dot else "")


def text(descriptor: ExportDescriptor, name: str, match: str, catalogue: Mapping[str, Kind]) -> str:
    """Pure: the text of one descriptor; UsageError if its files cannot be taken back."""
    kind = catalogue.get(descriptor.query.entity or "")
    if kind is None or descriptor.file.format is ExportFormat.TEMPLATE:
        raise UsageError(f"what {name} writes cannot be taken back: it is no entity's columns")
    lines = [f"# What the export descriptor {name} writes.", "", f'entity = "{kind.name}"']
    places: list[tuple[str | int, ExportColumn]] = []
    for position, column in enumerate(descriptor.column, 1):
        headed = descriptor.file.header or descriptor.file.format not in _GRIDS
        places.append((column.target if headed else position, column))
    lines += [f"mode_column = {_toml(at)}" for at, column in places if column.source == MODE]
    lines += ["", "[file]", f"match = {_toml(match)}", *_file(descriptor.file)]
    back = [(at, column) for at, column in places if _ours(column, kind)]
    filled = {column.source for _, column in back}
    if missing := [key for key in kind.key if key not in filled]:
        what = (
            f"what {name} writes cannot be taken back: {', '.join(missing)} of the key is not in it"
        )
        raise UsageError(what, hint="add a [[column]] for it")
    for at, column in back:
        field = kind.fields[(column.source or "").partition("@")[0]]
        lines += ["", "[[column]]", f"from = {_toml(at)}", f"to = {_toml(column.source)}"]
        lines += _column(column, field, name)
    return "\n".join(lines) + "\n"


_GRIDS = (ExportFormat.CSV, ExportFormat.XLSX)


def _ours(column: ExportColumn, kind: Kind) -> bool:
    """Pure: does a column hold a field of the entity itself, in one language if it has several?"""
    field, _, language = (column.source or "").partition("@")
    return field in kind.fields and bool(language) is kind.fields[field].localized


def _file(said: Output) -> Iterator[str]:
    yield f'format = "{said.format}"'
    if said.format is ExportFormat.CSV:
        encoding = said.encoding.lower().replace("_", "-")
        if encoding not in ("utf-8", "utf8", "utf-8-sig"):
            yield f"encoding = {_toml(said.encoding)}"
    if said.guarded:
        yield "guard = true"
    if said.format is ExportFormat.XML:
        yield f'row = "{said.root or "root"}/{said.row}"'
    if said.format is ExportFormat.JSON and said.root:
        yield f"row = {_toml(said.root)}"
    for key in _SAME.get(said.format, ()):
        if key in said.model_fields_set:
            yield f"{key} = {_toml(getattr(said, key))}"


def _column(column: ExportColumn, field: Field, name: str) -> Iterator[str]:
    if column.map is not None or column.default is not None:
        yield f"map = {_toml(_inverse(column, name))}"
        yield 'unmapped = "keep"'
    if column.format is not None:
        yield f"format = {_toml(column.format)}"
        if column.zone is not None:
            yield f"zone = {_toml(column.zone)}"
    if column.decimal != ".":
        yield f"decimal = {_toml(column.decimal)}"
    if field.type is Type.BOOLEAN:
        yield f"true = [{_toml(column.true)}]"
        yield f"false = [{_toml(column.false)}]"
    if field.type is Type.TEXT:
        yield "trim = false"
    if field.ref is not None:
        yield 'missing = "keep"'


def _inverse(column: ExportColumn, name: str) -> dict[str, str]:
    """Pure: the map back; UsageError if two values go out as one."""
    back: dict[str, str] = {}
    pairs = [*(column.map or {}).items()]
    if column.default is not None:
        pairs.append(("", column.default))
    for value, word in pairs:
        if word in back or (column.map is not None and column.unmapped == "empty"):
            what = f"what {name} writes cannot be taken back: {column.target} is not one to one"
            raise UsageError(what)
        back[word] = value
    return back


def _toml(value: object) -> str:
    """Pure: a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
        case _:
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")
