"""
Where a record comes from: what it holds now, and for each change the run, file and line that made it.

Takes an entity and the parts of a key as a person writes them; gives one JSON document.  It goes
back as far as before-images are kept; beyond that, the run that created the record is known.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.imports import defaults, values
from impexd.imports.values import Bad
from impexd.model.entity import Catalogue, Field, Kind, Type
from impexd.store import history
from impexd.store.dialect import Names
from impexd.store.engine import Store
from impexd.store.history import Key, Known, Row

Change = dict[str, Any]


async def of(store: Store, catalogue: Catalogue, entity: str, key: Sequence[str]) -> dict[str, Any]:
    """Tell a record's provenance; UsageError if there is no such entity or record."""
    kind = catalogue.get(entity)
    if kind is None:
        close = difflib.get_close_matches(entity, catalogue, n=3) or sorted(catalogue)[:10]
        raise UsageError(
            f"there is no entity {shown(entity)}", hint=f"there is {', '.join(close) or 'none yet'}"
        )
    names = Names(store.dialect, "", "")
    wanted = _key(kind, key)
    async with store.reading() as tx:
        known = await history.read(tx, kind, names, wanted)
        if known.row is None and known.deleted is None and not known.images:
            near = await history.near(tx, kind, names, wanted)
            raise UsageError(
                f"there is no {entity} {' '.join(map(shown, key))}", hint=_near(kind, near)
            )
    return told(kind, wanted, known)


def _key(kind: Kind, key: Sequence[str]) -> Key:
    """Pure: the parts of a key as values."""
    if len(key) != len(kind.key):
        raise UsageError(
            f"the key of {kind.name} has {len(kind.key)} parts, not {len(key)}",
            hint=f"give {' '.join(kind.key).upper()}",
        )
    return [_value(kind, name, text) for name, text in zip(kind.key, key, strict=True)]


def _value(kind: Kind, name: str, text: str) -> str | int:
    """Pure: one part of a key, written as in a file, as a value; text is taken as it is."""
    wrong, field = "", kind.fields[name]
    try:
        value = text if field.type is Type.TEXT else defaults.value(field, name, text.strip())
        if value is not None and "\0" not in text:
            return value
    except Bad as error:
        wrong = f": {error}"
    raise UsageError(f"{shown(text) or 'nothing'} is no {name} of a {kind.name}{wrong}")


def _near(kind: Kind, rows: Sequence[Sequence[Any]]) -> str:
    """Pure: say which keys stand nearby."""
    keys = (
        " ".join(shown(str(plain(kind.fields[name], value)), limit=80) for name, value in pairs)
        for pairs in (zip(kind.key, row, strict=True) for row in rows)
    )
    found = "; ".join(sorted(keys))
    return f"near it are: {found}" if found else f"there is no {kind.name} at all"


def told(kind: Kind, key: Key, known: Known) -> dict[str, Any]:
    """Pure: a record and its changes, newest first."""
    changes = list(_changes(kind, known))[::-1]
    last = known.row or next((image for image in known.images[::-1] if image["_op"] != "i"), None)
    return {
        "entity": kind.name,
        "key": list(key),
        "state": "there" if known.row else "deleted",
        "fields": None if last is None else _fields(kind, last),
        "changes": changes,
    }


def _changes(kind: Kind, known: Known) -> Iterator[Change]:
    """Pure: every change that is known of, oldest first."""
    groups = [list(group) for _, group in groupby(known.images, key=lambda image: image["_run"])]
    before = [_state(group[0]) for group in groups]
    oldest = before[0] if before else known.row
    if oldest is not None:
        yield from _earliest(kind, known, oldest)
    for n, group in enumerate(groups):
        after = before[n + 1] if n + 1 < len(groups) else known.row
        yield _change(kind, known, group[0]["_run"], before[n], after)
    if not groups and known.deleted is not None:
        yield _bare(known, known.deleted["run"], "deleted", None)


def _state(image: Row) -> Row | None:
    """Pure: what an image says was there; nothing, if it is of an insertion."""
    return None if image["_op"] == "i" else image


def _earliest(kind: Kind, known: Known, state: Row) -> Iterator[Change]:
    """Pure: what the oldest known state says of what was before it."""
    created, changed = state["_created"], state["_changed"]
    if created is not None and created == changed:
        yield _change(kind, known, created, None, state)
        return
    if created is not None:
        yield _bare(known, created, "inserted", None)
    if changed is not None:
        yield _bare(known, changed, "updated", state)


def _change(kind: Kind, known: Known, run: int, before: Row | None, after: Row | None) -> Change:
    what = "inserted" if before is None else "deleted" if after is None else "updated"
    old = _fields(kind, before) if before is not None else {}
    new = _fields(kind, after) if after is not None else {}
    fields = [
        {"field": name, "old": old.get(name), "new": new.get(name)}
        for name in kind.fields
        if old.get(name) != new.get(name)
    ]
    return _bare(known, run, what, after) | {"fields": fields}


def _bare(known: Known, id: int, what: str, after: Row | None) -> Change:
    """Pure: a change without its values, which are not kept (any more)."""
    run = known.runs.get(id)
    mine = after is not None and after["_changed"] == id
    place = known.places.get(after["_part"]) if after is not None and mine else None
    return {
        "what": what,
        "run": id,
        "kind": run.kind if run else None,
        "undoes": run.parent if run and run.kind == "undo" else None,
        "state": run.state.value if run else None,
        "group": run.group if run else None,
        "when": run.finished if run else None,
        "drop": run.name if run else None,
        "file": place.file if place else None,
        "descriptor": place.descriptor if place else None,
        "line": after["_line"] if after is not None and mine else None,
        "fields": None,
    }


def _fields(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(field, row[name]) for name, field in kind.fields.items()}


def plain(field: Field, value: Any) -> Any:
    """Pure: a value of either engine as JSON has it, the same for both."""
    if value is None:
        return None
    if field.localized or field.type is Type.JSON:
        return json.loads(value) if isinstance(value, str) else value
    if field.type is Type.BOOLEAN:
        return bool(value)
    if isinstance(value, Decimal):
        return values.decimal(format(value, "f"), None)
    if isinstance(value, datetime):
        return values.utc(value)
    return value.isoformat() if isinstance(value, date) else value
