"""One record of an entity by its key, as plain values, the same on both engines."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.model.entity import Field, Kind, Type
from impexd.store.dialect import quoted


async def record(tx: AsyncConnection, kind: Kind, key: str) -> Mapping[str, Any] | None:
    """Read the record of a kind whose key is one text; None if there is none, or it has another key."""
    if len(kind.key) != 1 or kind.fields[kind.key[0]].type is not Type.TEXT:
        return None
    columns = ", ".join(quoted(name) for name in kind.fields)
    query = f"SELECT {columns} FROM {quoted(kind.table)} WHERE {quoted(kind.key[0])} = :key"
    row = (await tx.execute(text(query), {"key": key})).mappings().first()
    if row is None:
        return None
    return {name: _plain(field, row[name]) for name, field in kind.fields.items()}


def _plain(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.localized or field.type is Type.JSON:
        return json.loads(value) if isinstance(value, str) else value
    if field.type is Type.DECIMAL:
        return Decimal(str(value))
    return bool(value) if field.type is Type.BOOLEAN else value
