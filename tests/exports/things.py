"""An entity with a field of every type, groups that export it in every format, and records of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from impexd.model.entity import Kind
from impexd.store import runs
from impexd.store.dialect import column_type, quoted
from impexd.store.engine import Store

FIELDS = {
    "code": "{ }",
    "note": "{ null = true }",
    "count": '{ type = "integer", null = true }',
    "price": '{ type = "decimal", null = true }',
    "sold": '{ type = "boolean", null = true }',
    "made": '{ type = "date", null = true }',
    "seen": '{ type = "datetime", null = true }',
    "more": '{ type = "json", null = true }',
    "name": "{ localized = true, null = true }",
}
COLUMNS = (*(name for name in FIELDS if name != "name"), "name@de", "name@en")
ENTITY = '[entity.thing]\nkey = ["code"]\n[entity.thing.field]\n' + "".join(
    f"{name} = {said}\n" for name, said in FIELDS.items()
)
FILES = {
    "csv": 'format = "csv"\ndelimiter = ";"\n',
    "xml": 'format = "xml"\nroot = "things"\nrow = "thing"\nguard = true\n',
    "jsonl": 'format = "jsonl"\nguard = true\n',
    "json": 'format = "json"\n',
    "xlsx": 'format = "xlsx"\n',
}
PLACES = {
    "xml": {
        "code": "@code",
        "name@de": "names/name[@lang='de']",
        "name@en": "names/name[@lang='en']",
    },
    "json": {"name@de": "name.de", "name@en": "name.en"},
}
"""Where cells go, in formats that have places for them."""

Record = Mapping[str, Any]
"""Field -> canonical value; `name` as a mapping of its languages."""


def descriptor(format: str, *, query: str = "", file: str = "") -> str:
    """Write an export descriptor for all fields of a thing."""
    columns = "".join(
        f'[[column]]\nfrom = "{name}"\nto = {json.dumps(PLACES.get(format, {}).get(name, name))}\n'
        for name in COLUMNS
    )
    return f'[query]\nentity = "thing"\n{query}[file]\n{FILES[format]}{file}{columns}'


def group(*descriptors: str, more: str = "") -> str:
    """Write an export group."""
    return f'kind = "export"\ndescriptors = {json.dumps(descriptors)}\n{more}'


def etc(formats: Sequence[str] = tuple(FILES)) -> dict[str, str]:
    """Write a configuration: each format exported by a group, and all of them in a zip."""
    found = {
        "impexd.toml": "",
        "entities/thing.toml": ENTITY,
        "groups/all.toml": group(*(f"{name}-out" for name in formats)),
        "groups/back.toml": 'kind = "import"\ndescriptors = ["none"]\n',
        "descriptors/none.toml": 'entity = "thing"\n[file]\nmatch = "none"\n'
        + '[[column]]\nfrom = "code"\nto = "code"\n',
    }
    for name in formats:
        found[f"descriptors/{name}-out.toml"] = descriptor(name)
        found[f"groups/{name}.toml"] = group(f"{name}-out")
    return found


async def put(store: Store, kind: Kind, records: Sequence[Record]) -> int:
    """Put records into the table, each as it is, with one new change number; gives it."""
    engine = store.dialect
    async with store.writing() as tx:
        seq = await runs.advance(tx, "change")
        for record in records:
            values = {
                name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
                for name, value in record.items()
            }
            cells = ", ".join(
                f"CAST(CAST(:{name} AS TEXT) AS {column_type(engine, kind.fields[name]).split(' ')[0]})"
                for name in values
            )
            names = ", ".join(map(quoted, values))
            await tx.execute(
                text(f"INSERT INTO {kind.table} ({names}, _seq) VALUES ({cells}, :_seq)"),
                {name: None if v is None else str(v) for name, v in values.items()} | {"_seq": seq},
            )
    return seq


async def empty(store: Store, kind: Kind) -> None:
    """Take all records away."""
    async with store.writing() as tx:
        await tx.execute(text(f"DELETE FROM {kind.table}"))
