"""Records over the API: which entities there are, and their records, a page at a time."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Query

from impexd.admin.house import House
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.imports import record
from impexd.model.entity import Field, Kind, Type
from impexd.store import browsing
from impexd.store.browsing import Wanted
from impexd.store.dialect import Names

MOST = 8
"""Fields that are searched at once."""


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/entities")
    async def entities() -> dict[str, Any]:
        return {"entities": [_entity(one) for one in house.bench.config.catalogue.values()]}

    @made.get("/api/v1/entities/{entity}/records")
    async def records(
        entity: str,
        begins: str = Query(default="", max_length=200),
        field: list[str] = Query(default=[], max_length=MOST),  # noqa: B008 (FastAPI's way)
        holds: list[str] = Query(default=[], max_length=MOST),  # noqa: B008
        after: str = Query(default="", max_length=8000),
        limit: int = Query(default=50, ge=1, le=500),
    ) -> dict[str, Any]:
        kind = house.bench.config.catalogue.get(entity)
        if kind is None:
            raise UsageError(f"there is no entity {shown(entity)}")
        wanted = Wanted(
            _cursor(kind, after),
            _plain_text(begins),
            _pairs(kind, field, holds),
            limit,
        )
        async with house.store.reading() as tx:
            page = await browsing.page(tx, kind, Names(house.store.dialect, "", ""), wanted)
        return {
            "entity": entity,
            "key": list(kind.key),
            "records": [_record(kind, row) for row in page.rows],
            "next": json.dumps(page.next, ensure_ascii=False) if page.next else None,
            "searched": page.searched,
        }


def _entity(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "label": kind.label,
        "key": list(kind.key),
        "fields": {
            name: {"type": one.type.value, "ref": one.ref, "localized": one.localized}
            for name, one in kind.fields.items()
        },
    }


def _cursor(kind: Kind, after: str) -> tuple[str, ...]:
    if not after:
        return ()
    try:
        found = json.loads(after)
        wanted = tuple(_plain_text(one) for one in found)
        for name, value in zip(kind.key, wanted, strict=True):
            _fits(kind.fields[name], value)
    except (ValueError, TypeError, AttributeError):
        raise UsageError("this is no cursor of ours", hint="take `next` as it was given") from None
    return wanted


def _fits(field: Field, value: str) -> None:
    """ValueError if this text is none of a field's values."""
    match field.type:
        case Type.INTEGER:
            if not -(1 << 63) <= int(value) < 1 << 63:
                raise ValueError(value)
        case Type.BOOLEAN:
            if value not in ("0", "1", "True", "False"):
                raise ValueError(value)
        case Type.DECIMAL:
            if not Decimal(value).is_finite() if value.isascii() else True:
                raise ValueError(value)
        case Type.DATE:
            date.fromisoformat(value)
        case Type.DATETIME:
            datetime.fromisoformat(value)


def _pairs(kind: Kind, field: list[str], holds: list[str]) -> tuple[tuple[str, str], ...]:
    if len(field) != len(holds):
        raise UsageError("say `field` and `holds` the same number of times")
    for name in field:
        if name not in kind.fields:
            raise UsageError(f"{kind.name} has no field {shown(name)}")
    return tuple((name, _plain_text(wish)) for name, wish in zip(field, holds, strict=True) if wish)


def _plain_text(text: str) -> str:
    """Pure: text that every engine takes; UsageError for one that none does."""
    if "\0" in text:
        raise UsageError("this is no text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("this is no text") from None
    return text


def _record(kind: Kind, row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: record.plain(field, row[name]) for name, field in kind.fields.items()}
    key = [str(fields[name]) for name in kind.key]
    return {"key": key, "fields": fields, "changed": row["_changed"]}
