"""Mistakes in entities, alone and among each other."""

from pathlib import Path

import pytest

from impexd.model.faults import entity as entity_faults
from impexd.store import schema
from tests.etc import FILES, E, mistakes, told, write


def entity(fields: str, *, key: str = '["a"]', more: str = "") -> tuple[str, str]:
    """Write a file with one entity more, besides the right ones."""
    text = f"{FILES[E]}\n[entity.x]\nkey = {key}\n{more}\n[entity.x.field]\n{fields}\n"
    return E, text


ENTITIES = {
    "a key that is no field": (*entity("a = {}", key='["b"] # here'), "entity.x.key.1", ["no field `b`", "`a`"]),
    "a key twice": (*entity("a = {}", key='["a", "a"] # here'), "entity.x.key.2", ["twice"]),
    "a key that may be empty": (*entity("a = { null = true }", key='["a"] # here'), "entity.x.key.1", ["may be empty"]),
    "a key in several languages": (*entity("a = { localized = true }", key='["a"] # here'), "entity.x.key.1", ["several languages"]),
    "a key of JSON": (*entity('a = { type = "json" }', key='["a"] # here'), "entity.x.key.1", ["JSON"]),
    "a reference to nothing": (*entity('a = {}\nb = { ref = "brend" } # here'), "entity.x.field.b.ref", ["no entity `brend`", "did you mean `brand`"]),
    "a reference to several fields": (*entity('a = {}\nb = { ref = "price" } # here'), "entity.x.field.b.ref", ["several fields", "product, currency"]),
    "a reference of another type": (*entity('a = {}\nb = { ref = "brand", type = "integer" } # here'), "entity.x.field.b.ref", ["of type text", "integer"]),
    "the table of another": (*entity("a = {}", more='table = "brand" # here'), "entity.x.table", ["that of entity brand"]),
    "a table of ours": (*entity("a = {}", more='table = "run" # here'), "entity.x.table", ["belongs to impexd"]),
    "a table of before-images": (*entity("a = {}", more='table = "brand__undo" # here'), "entity.x.table", ["belongs to impexd"]),
    "a table of the queue": (*entity("a = {}", more='table = "procrastinate_jobs" # here'), "entity.x.table", ["belongs to impexd"]),
    "too long a table": (*entity("a = {}", more=f'table = "{"t" * 51}" # here'), "entity.x.table", ["50 characters"]),
    "an entity named like a table of ours": (E, FILES[E] + '[entity.counter] # here\nkey = ["a"]\nfield.a = {}\n', "entity.counter", ["belongs to impexd", "table ="]),
    "a field of the database": (*entity("a = {}\nrowid = {} # here"), "entity.x.field.rowid", ["keep for themselves"]),
    "a length of a number": (*entity('a = { type = "integer", max = 3 } # here'), "entity.x.field.a.max", ['for "text"']),
    "digits of a text": (*entity("a = { scale = 3 } # here"), "entity.x.field.a.scale", ['for "decimal"']),
    "a bound of a text": (*entity("a = { min = 3 } # here"), "entity.x.field.a.min", ['for "decimal" or "integer"']),
    "a bound that is no number": (*entity('a = { type = "decimal", most = "1,5" } # here'), "entity.x.field.a.most", ['"0.01"', "`1,5`"]),
    "bounds the wrong way round": (*entity('a = { type = "decimal", min = 2, most = 1 } # here'), "entity.x.field.a.most", ["less than `min`"]),
    "languages of a number": (*entity('a = {}\nb = { type = "integer", localized = true } # here'), "entity.x.field.b.localized", ['for "text"']),
    "a reference in languages": (*entity('a = {}\nb = { ref = "brand", localized = true } # here'), "entity.x.field.b.ref", ["several languages"]),
    "a default in languages": (*entity('a = {}\nb = { default = "x", localized = true } # here'), "entity.x.field.b.default", ["several languages"]),
    "a pattern that is none": (*entity("a = { pattern = '(?=x)' } # here"), "entity.x.field.a.pattern", ["look-around"]),
    "words twice": (*entity('a = { values = ["x", "x"] } # here'), "entity.x.field.a.values", ["different words"]),
    "a default that is no word of it": (*entity('a = { values = ["x"], default = "y" } # here'), "entity.x.field.a.default", ["`y`", "one of x"]),
    "a default that does not match": (*entity("a = { pattern = '[A-Z]+', default = 'y' } # here"), "entity.x.field.a.default", ["does not match"]),
    "a default that is no number": (*entity('a = { type = "decimal", default = "1,5" } # here'), "entity.x.field.a.default", ["a number"]),
    "a default out of bounds": (*entity('a = { type = "integer", min = 1, default = "0" } # here'), "entity.x.field.a.default", ["`0`", "1"]),
    "a default that is neither true nor false": (*entity('a = { type = "boolean", default = "maybe" } # here'), "entity.x.field.a.default", ["`maybe`"]),
    "a default that is no day": (*entity('a = { type = "date", default = "31.01.2026" } # here'), "entity.x.field.a.default", ["2026-01-31"]),
    "an account of ours": (E, FILES[E] + '[entity.person] # here\nkey = ["a"]\nfield.a = {}\n', "entity.person", ["belongs to impexd"]),
    "more fields than a table has": (E, FILES[E] + '[entity.x]\nkey = ["a"]\n[entity.x.field] # here\na = {}\n' + "".join(f"b{n} = {{}}\n" for n in range(1500)), "entity.x.field", ["1,500 fields", "1,501"]),
    "no fields": (E, FILES[E] + '[entity.x]\nkey = ["a"] # here\nfield = {}\n', "entity.x.key.1", ["no field"]),
}  # fmt: skip


def test_no_entity_may_have_a_table_of_ours() -> None:
    assert [name for name in schema.METADATA.tables if not entity_faults.reserved(name)] == []
    assert entity_faults.reserved("Person")


@pytest.mark.parametrize(("name", "text", "key", "parts"), ENTITIES.values(), ids=ENTITIES)
def test_a_mistake_in_an_entity_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, key: str, parts: list[str]
) -> None:
    said = mistakes(write(tmp_path, {name: text}))
    if key == "entity.x.key.1" and "field = {}" in text:
        assert said[1].endswith("an entity needs fields")
        said = said[:1]
    told(said, name, text, key, parts)


def test_an_entity_that_is_declared_twice_is_told_with_both_places(tmp_path: Path) -> None:
    text = '\n[entity.brand]\nkey = ["name"]\nfield.name = {}\n'
    said = mistakes(write(tmp_path, {"entities/zzz.toml": text}))
    assert said == (
        "etc/entities/zzz.toml:2: entity.brand: is declared in etc/entities/shop.toml:2 already",
    )
