"""
Defaults of an entity's fields, as SQL literals for new records.

Pure.  A default is written in the declaration as in a file, so it goes through the same
conversion as a cell.
"""

from impexd.imports import values
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Type
from impexd.store.dialect import Engine
from impexd.store.stage import Sheet


def of(sheet: Sheet, engine: Engine) -> dict[str, str]:
    """Pure: field -> literal, for the fields a sheet does not bring to new records."""
    brought = {target.field for target in sheet.targets if target.only != "update"}
    return {
        name: literal(field, name, engine)
        for name, field in sheet.kind.fields.items()
        if field.default is not None and name not in brought
    }


def literal(field: Field, name: str, engine: Engine) -> str:
    """Pure: a field's default as an SQL literal; colons escaped, as they would mark parameters."""
    column = Column.model_validate({"const": field.default, "to": name})
    value = values.parser(column, field)(field.default or "")
    if field.type is Type.BOOLEAN:
        return str(value) if engine == "sqlite" else ("TRUE" if value else "FALSE")
    if isinstance(value, int):
        return str(value)
    if field.type is Type.DECIMAL and engine == "postgresql":
        return value
    text = value.replace("'", "''").replace(":", "\\:")
    kind = {Type.DATE: "DATE", Type.DATETIME: "TIMESTAMPTZ", Type.JSON: "JSONB"}.get(field.type)
    return f"CAST('{text}' AS {kind})" if kind and engine == "postgresql" else f"'{text}'"
