"""
Fixed values of a descriptor or an entity, as canonical values.

Pure.  They are written as in a file, so they go through the same conversion as a cell.
"""

from impexd.imports.cell import finishing
from impexd.model.descriptor import Column
from impexd.model.entity import Field, Kind
from impexd.store.dialect import Names
from impexd.store.stage import Sheet


def of(sheet: Sheet, names: Names) -> dict[str, str]:
    """Pure: field -> SQL literal, for the fields a sheet does not bring to new records."""
    brought = {target.field for target in sheet.targets if target.only != "update"}
    return {
        name: names.literal(field, value(field, name, field.default))
        for name, field in sheet.kind.fields.items()
        if field.default is not None and name not in brought
    }


def value(field: Field, name: str, text: str) -> str | int | None:
    """Pure: a text of the configuration as a value of a field."""
    column = Column.model_validate({"const": text, "to": name})
    return finishing(column, field)(text)


def fixed(kind: Kind, values: dict[str, str]) -> tuple[tuple[str, str | int | None], ...]:
    """Pure: field -> text, as values, in a fixed order."""
    return tuple(
        (name, value(kind.fields[name], name, text)) for name, text in sorted(values.items())
    )
