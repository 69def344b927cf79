"""
An entity of its own for a file that none of the catalogue fits.

Pure.  Every column with a name or a text becomes a field; names in several languages become one
localized field.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from impexd.imports.describe import kinds, names
from impexd.imports.describe.design import Design
from impexd.imports.describe.fit import Filled
from impexd.imports.describe.keys import Key
from impexd.imports.describe.kinds import Keys
from impexd.imports.describe.sheet import Seen, Sheet
from impexd.model.entity import RESERVED, Field, Kind, Type
from impexd.model.faults import entity as entity_faults

SHORT = 255
"""Texts that stay well below this are declared with it as their longest."""

MISSING = "-"
"""What stands for an empty cell in a key, if there is no better key."""


@dataclass(slots=True)
class _Draft:
    """The fields, while they are gathered."""

    fields: dict[str, Field] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    filled: list[Filled] = field(default_factory=list)


def design(sheet: Sheet, name: str, entity: str, key: Key, *, why: str) -> Design:
    """Pure: declare the entity `entity` for a file."""
    draft = _Draft()
    taken: dict[tuple[str, str], str] = {}
    for n, column in enumerate(sheet.columns):
        _add(draft, n, column, sheet, n in key.columns, taken)
    at = {one.column: one.field for one in draft.filled}
    kind = Kind(entity, tuple(at[n] for n in key.columns), draft.fields, entity)
    return Design(
        sheet,
        name,
        kind,
        own=True,
        why=why,
        key=key.columns,
        key_why=key.why,
        filled=tuple(draft.filled),
        duplicates=not key.sure,
        evidence=draft.evidence,
    )


def _add(
    draft: _Draft,
    n: int,
    column: Seen,
    sheet: Sheet,
    in_key: bool,
    taken: dict[tuple[str, str], str],
) -> None:
    heading = column.heading
    language = "" if in_key else heading.language
    if language and any(
        one.language == language and one.field == taken.get((heading.name, "@"))
        for one in draft.filled
    ):
        language = ""
    if language:
        name = taken.get((heading.name, "@"))
        if name is None:
            plain = any(
                one.heading.name == heading.name and not one.heading.language
                for one in sheet.columns
            )
            text = f"{heading.name} in" if plain else heading.name
            name = taken[heading.name, "@"] = fresh(text, draft.fields, other=f"column_{n + 1}")
            draft.fields[name] = Field(type=Type.TEXT, localized=True, null=True)
            draft.evidence[name] = "text in several languages"
        draft.filled.append(Filled(n, name, language, {}))
        return
    text = str(column.source) if heading.language else heading.name
    name = fresh(text, draft.fields, other=f"column_{n + 1}")
    into, keys = declared(column, in_key=in_key)
    draft.fields[name] = into
    draft.evidence[name] = column.kind.evidence
    draft.filled.append(Filled(n, name, "", keys))


def declared(column: Seen, *, in_key: bool) -> tuple[Field, Keys]:
    """Pure: the field for a column, and the keys its `[[column]]` needs."""
    kind = column.kind
    keys: dict[str, object] = dict(kind.keys)
    if in_key and column.filled < len(column.texts):
        kind, keys = kinds.Kind(Type.TEXT), {"default": MISSING}
    longest = SHORT if kind.type is Type.TEXT and column.longest * 4 <= SHORT * 3 else None
    scale = None
    if kind.type is Type.DECIMAL and kind.scale is not None:
        scale = min(max(kind.scale, 2), 18)
    return Field(type=kind.type, max=longest, scale=scale, null=not in_key), keys


def fresh(text: str, taken: Collection[str] | Mapping[str, object], *, other: str) -> str:
    """Pure: a name for a field that no other has, and no database keeps for itself."""
    name = names.slug(text, other=other)
    if name in entity_faults.COLUMNS or name in RESERVED:
        name = f"{name}_"
    return numbered(name, taken)


def numbered(name: str, taken: Collection[str] | Mapping[str, object], mark: str = "_") -> str:
    """Pure: the name, or with a number behind it if it is taken."""
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}{mark}{count}"
    return found
