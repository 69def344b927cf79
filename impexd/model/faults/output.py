"""What is wrong with how an export is written (`[file]`), and with the group that makes it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from impexd.model import json_path, xml_path
from impexd.model.export import (
    NESTING,
    ExportColumn,
    ExportDescriptor,
    ExportFormat,
    ExportGroup,
    Nested,
    Output,
)
from impexd.model.faults import Fault, layout, near, quoted, schedule, target
from impexd.model.toml import Path

_TEXT = ("encoding", "unwritable", "guard")
_CSV = ("bom", "delimiter", "quote", "escape", "quoting", "newline", "header")
KEYS: dict[ExportFormat, frozenset[str]] = {
    ExportFormat.CSV: frozenset({*_TEXT, *_CSV}),
    ExportFormat.XML: frozenset({"unwritable", "guard", "root", "row", "namespaces"}),
    ExportFormat.JSON: frozenset({"guard", "root"}),
    ExportFormat.JSONL: frozenset({"guard"}),
    ExportFormat.XLSX: frozenset({"guard", "header", "sheet"}),
    ExportFormat.TEMPLATE: frozenset({*_TEXT, "bom", "template", "escaping"}),
}
"""What each format knows, besides `name` and `format`."""

HOLES = ("group", "date", "time", "seq", "shop")
"""What the name of a file can be made of."""
LONGEST = 180
"""Most bytes of a file's name: companions, and numbers of files of one name, make it longer."""
_HOLE = re.compile(r"\{([^{}]*)\}")
_XML_NAME = re.compile(rf"(?:{xml_path.NAME}:)?{xml_path.NAME}")


def faults(descriptor: ExportDescriptor, *, whole: bool = True) -> Iterator[Fault]:
    """Pure: all that is wrong with `[file]`; paths start below it."""
    said = descriptor.file
    for key in sorted(said.model_fields_set - {"name", "format"} - KEYS[said.format]):
        owners = " and ".join(kind for kind, keys in KEYS.items() if key in keys)
        yield Fault((key,), f'belongs to {owners}, and this file is format = "{said.format}"')
    if not layout.encoding(said.encoding):
        yield Fault(("encoding",), f"Python knows no text encoding {quoted(said.encoding)}")
    if said.name is not None and (reason := name(said.name)):
        yield Fault(("name",), reason)
    if descriptor.nested and said.format not in NESTING:
        formats = ", ".join(sorted(NESTING))
        yield Fault(("format",), f"{said.format} cannot hold [[nested]] records; {formats} can")
    match said.format:
        case ExportFormat.CSV:
            yield from _csv(said)
        case ExportFormat.XML:
            yield from _xml(said)
        case ExportFormat.XLSX if not 0 < len(said.sheet) <= 31 or set(said.sheet) & set(
            "[]:*?/\\'"
        ):
            yield Fault(("sheet",), "the name of a sheet has 1 to 31 characters, none of []:*?/\\'")
        case ExportFormat.TEMPLATE:
            yield from _template(said, whole=whole)


def _csv(said: Output) -> Iterator[Fault]:
    if said.delimiter == said.quote:
        yield Fault(("quote",), f"is the delimiter too, {quoted(said.quote)}")
    for key in ("delimiter", "quote"):
        mark = getattr(said, key)
        if mark and mark in "\r\n\0":
            yield Fault((key,), "cannot be the end of a line")
    if said.bom and said.encoding.lower().replace("-", "").replace("_", "") not in (
        "utf8",
        "utf16",
    ):
        yield Fault(("bom",), f"a byte order mark belongs to UTF-8, not to {quoted(said.encoding)}")


def _xml(said: Output) -> Iterator[Fault]:
    for key, text in (("root", said.root or "root"), ("row", said.row)):
        if not _XML_NAME.fullmatch(text):
            yield Fault((key,), f"{quoted(text)} is no name of an element")


def targets(descriptor: ExportDescriptor) -> Iterator[Fault]:
    """Pure: what is wrong with the places that cells go to; paths start at the descriptor."""
    yield from _places(descriptor.file, descriptor.column, ())
    yield from _nests(descriptor.file, descriptor.nested, ())


def _nests(said: Output, nests: Sequence[Nested], below: Path) -> Iterator[Fault]:
    for position, nest in enumerate(nests):
        at: Path = (*below, "nested", position)
        if reason := _place(said, nest.target):
            yield Fault((*at, "to"), reason)
        yield from _places(said, nest.column, at)
        yield from _nests(said, nest.nested, at)


def _places(said: Output, columns: Sequence[ExportColumn], below: Path) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, one in enumerate(columns):
        at: Path = (*below, "column", position, "to")
        if reason := _place(said, one.target):
            yield Fault(at, reason)
        if one.target in seen:
            yield Fault(at, f"{quoted(one.target)} is what a column above is called already")
        seen.add(one.target)


def _place(said: Output, target: str) -> str:
    """Pure: say why a cell cannot go there; "" if it can."""
    if said.format is ExportFormat.XML:
        return path(target, said.namespaces)
    if said.format in (ExportFormat.JSON, ExportFormat.JSONL):
        try:
            parts = json_path.cell(target)
        except ValueError as error:
            return f"{quoted(target)} {error}"
        if any(isinstance(part, int) for part in parts):
            return f"{quoted(target)} names a place in a list; only keys can be written"
    return ""


def path(text: str, namespaces: Mapping[str, str]) -> str:
    """Pure: say why XML cannot be written at this path; "" if it can."""
    try:
        found = xml_path.cell(text, namespaces)
    except ValueError as error:
        return f"{quoted(text)} {error}"
    if found.above or "{" in text:
        return f"{quoted(text)} cannot be written; a path of names with prefixes is wanted here"
    for step in found.steps:
        if any(test.index or test.child or test.value is None for test in step.tests):
            return f"{quoted(text)}: only conditions like [@lang='de'] can be written"
    return ""


def _template(said: Output, *, whole: bool) -> Iterator[Fault]:
    if said.template is None:
        if whole:
            yield Fault((), 'format = "template" needs `template`, the text to be filled')
        return
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        ImmutableSandboxedEnvironment().from_string(said.template)
    except TemplateSyntaxError as error:
        yield Fault(("template",), f"line {error.lineno}: {error.message}")


def name(text: str) -> str:
    """Pure: say why a file cannot be called this; "" if it can."""
    if not text or text.startswith(".") or text != text.strip():
        return f"{quoted(text)} is no name for a file"
    if set(text) & set('/\\<>:"|?*') or not text.isprintable():
        return f"{quoted(text)} has characters that not every system takes in a file's name"
    if len(text.encode()) > LONGEST:
        return f"a file's name may have {LONGEST} bytes"
    return ""


def group(
    group: ExportGroup,
    descriptors: Mapping[str, ExportDescriptor],
    names: Collection[str],
    *,
    whole: bool = True,
) -> Iterator[Fault]:
    """
    Pure: all that is wrong with a group; `names` are all descriptors for export, right or wrong.

    Not `whole`: what had the wrong form was left out.
    """
    for position, one in enumerate(group.descriptors):
        at = ("descriptors", position)
        if one not in names:
            what = f"there is no descriptors/{one}.toml with a [query]"
            yield Fault(at, what + near(one, names))
        elif one in group.descriptors[:position]:
            yield Fault(at, f"{quoted(one)} stands here twice")
    if group.zip is False and len(group.descriptors) > 1:
        yield Fault(("zip",), "several descriptors make several files, which only a zip holds")
    yield from schedule.faults(group.schedule, group.every, group.zone)
    if group.file is not None and (reason := pattern(group.file)):
        yield Fault(("file",), reason)
    if group.shop and (reason := name(group.shop)):
        yield Fault(("shop",), reason)
    if group.file is not None and "{shop}" in group.file and not group.shop:
        yield Fault(("file",), "{shop} stands for `shop`, and that is not said")
    for fault in target.faults(group.target, whole=whole):
        yield Fault(("target", *fault.path), fault.what)
    yield from _members(group, descriptors)


def _members(group: ExportGroup, descriptors: Mapping[str, ExportDescriptor]) -> Iterator[Fault]:
    """Two files of one zip must not have one name."""
    seen: dict[str, str] = {}
    for position, one in enumerate(group.descriptors):
        if one not in descriptors or one in group.descriptors[:position]:
            continue
        member = descriptors[one].file.name or f"{one}.{descriptors[one].file.suffix}"
        other = seen.setdefault(member.casefold(), one)
        if other != one:
            what = f"writes {quoted(member)}, as {quoted(other)} does; give one a [file] name"
            yield Fault(("descriptors", position), what)


def pattern(text: str) -> str:
    """Pure: say what is wrong with the pattern of a file's name; "" if nothing is."""
    for hole in _HOLE.findall(text):
        if hole not in HOLES:
            return f"{{{quoted(hole)}}} is not known here{near(hole, HOLES)}"
    plain = _HOLE.sub("x", text)
    if set(plain) & set("{}"):
        return "has a stray { or }"
    return name(plain)
