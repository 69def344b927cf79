"""
A design as the text of its files: TOML with the evidence of each guess as a comment.

Pure.  Foreign text is quoted or made printable on one line, so that nothing of a sample can end
a comment or a string.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from impexd.core.text import shown
from impexd.imports.describe import kinds
from impexd.imports.describe.design import Design
from impexd.imports.describe.fit import Filled
from impexd.imports.describe.sheet import Sheet
from impexd.model.entity import Field, Type

EDGE = 30
"""Where comments stand."""

LISTED = 12
"""Most different texts of which a map is begun."""

SHORT = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch


def value(given: object) -> str:
    """Pure: a value as TOML."""
    match given:
        case bool():
            return "true" if given else "false"
        case int():
            return str(given)
        case Mapping():
            inner = ", ".join(f"{key(str(name))} = {value(one)}" for name, one in given.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return f"[{', '.join(map(value, given))}]"
        case _:
            return _text(str(given))


def key(name: str) -> str:
    """Pure: a key as TOML."""
    return name if _PLAIN(name) else _quoted(name)


def _text(text: str) -> str:
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"  # a literal string: regular expressions stay readable
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_char, text)) + '"'


def _char(char: str) -> str:
    if char in SHORT:
        return SHORT[char]
    if char.isprintable() and not 0xD800 <= ord(char) <= 0xDFFF:
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def line(text: str, why: str = "") -> str:
    """Pure: a line with its evidence."""
    return f"{text:<{EDGE}} # {_comment(why)}" if why else text


def _comment(text: str) -> str:
    return shown(text, limit=400)


def descriptor(design: Design, match: str, notes: Sequence[str]) -> str:
    """Pure: `descriptors/<name>.toml`."""
    sheet = design.sheet
    out = [
        f"# {_comment(sheet.file.name)}, described by {sheet.said()}.",
        "# Behind every guess stands its evidence; correct what is wrong.",
        *(f"# {_comment(note)}" for note in [*sheet.form.notes, *notes]),
        "",
        line(f'entity = "{design.kind.name}"', design.why),
        f"# key: {_comment(design.key_why)}",
    ]
    if design.duplicates:
        why = "the key repeats: only the last row of each is loaded"
        out.append(line('duplicates = "last"', why))
    out += ["", *_file(sheet, match)]
    for fixed in design.fixed:
        out += ["", "[[column]]", line(f"const = {value(fixed.const)}", fixed.why)]
        out += [f"to = {value(fixed.field)}", *_policy(design, fixed.field)]
    for one in design.filled:
        out += ["", *_column(design, one)]
    out += _left(design)
    return "\n".join(out) + "\n"


def _file(sheet: Sheet, match: str) -> Iterator[str]:
    form = sheet.form
    yield "[file]"
    yield f"match = {value(match)}"
    yield f'format = "{form.format}"'
    for name, given in form.keys.items():
        yield line(f"{name} = {value(given)}", form.evidence.get(name, ""))
    for name, why in form.evidence.items():
        if name not in form.keys:
            yield f"# {name}: {_comment(why)}"


def _column(design: Design, one: Filled) -> Iterator[str]:
    column = design.sheet.columns[one.column]
    yield "[[column]]"
    later = design.later.get(one.column)
    why = f"text, as {later}" if later else seen(design.sheet, one.column)
    yield line(f"from = {value(column.source)}", why)
    yield line(f"to = {value(one.target)}", one.why or _pointing(design, one.field))
    for name, given in one.keys.items():
        yield f"{name} = {value(given)}"
    yield from _policy(design, one.field)


def _pointing(design: Design, field: str) -> str:
    ref = design.kind.fields[field].ref
    return f"points at `{ref}`" if ref else ""


def _policy(design: Design, field: str) -> Iterator[str]:
    policy = design.policies.get(field)
    if policy is not None and policy.missing:
        yield line(f'missing = "{policy.missing}"', policy.why)
    elif policy is not None:
        yield f"# missing: {_comment(policy.why)}"


def seen(sheet: Sheet, n: int) -> str:
    """Pure: what a column is like, in words."""
    column = sheet.columns[n]
    if not column.different:
        return "empty in every row" if sheet.rows else "there are no rows"
    kind = column.kind
    said = kind.evidence
    if kind.type is Type.TEXT and kind.telling:
        said = f"text: {kinds.told(column.different)}; {kind.evidence}"
    empty = sheet.rows - column.filled
    filled = f"{empty:,} empty" if empty else "never empty"
    many = "each once" if column.unique else f"{len(column.different):,} different"
    return f"{said}; {filled}, {many}, longest {column.longest:,}"


def _left(design: Design) -> Iterator[str]:
    if not design.left:
        return
    yield ""
    yield f"# These columns fill nothing of `{design.kind.name}` as it is:"
    for n, left in sorted(design.left.items()):
        column = design.sheet.columns[n]
        why = left.why or "no field is called like it"
        if column.heading.base and not left.why:
            why = "it is in no language, and its languages follow"
        if left.target:
            yield "#"
            yield "# [[column]]"
        yield line(f"# from = {value(column.source)}", f"{seen(design.sheet, n)}; {why}")
        if left.target:
            yield f"# to = {value(left.target)}"
        if left.words and len(column.different) <= LISTED:
            table = value(dict.fromkeys(column.different, "?"))
            yield line(f"# map = {table}", f"one of {', '.join(left.words)} for each")


def entity(design: Design) -> str:
    """Pure: `entities/<name>.toml` of an own entity."""
    kind = design.kind
    out = [
        f"# Declared for {_comment(design.sheet.file.name)}: {_comment(design.why)}.",
        "",
        f"[entity.{kind.name}]",
        line(f"key = {value(list(kind.key))}", design.key_why),
        f"[entity.{kind.name}.field]",
    ]
    width = max(map(len, kind.fields))
    for name, field in kind.fields.items():
        out.append(line(f"{name:<{width}} = {value(_said(field))}", design.evidence.get(name, "")))
    return "\n".join(out) + "\n"


def _said(field: Field) -> dict[str, Any]:
    return field.model_dump(mode="json", exclude_defaults=True)


def group(name: str, label: str, order: Sequence[str], notes: Sequence[str]) -> str:
    """Pure: `groups/<name>.toml`."""
    listed = "".join(f"  {value(one)},\n" for one in order)
    said = "".join(f"# {_comment(note)}\n" for note in notes)
    return (
        f"# What comes into var/inbox/{name}/ is read by these descriptors, in the order in which\n"
        f"# one points at the other.\n{said}\n"
        f'kind = "import"\nlabel = {value(label)}\ndescriptors = [\n{listed}]\n'
    )
