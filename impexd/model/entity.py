"""
Entities: the kinds of records, declared in TOML.

An entity has fields and a natural key; a reference is the name of the entity pointed at,
whose key must be one field.  Key fields are never null.  `Catalogue` is all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field as Default

from impexd.model.base import Model, Name


class Type(StrEnum):
    """What a value is."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    JSON = "json"


NUMBERS = frozenset({Type.INTEGER, Type.DECIMAL})
"""Types that can be counted with."""


class Field(Model):
    """One field of an entity."""

    type: Type = Type.TEXT
    max: int | None = Default(default=None, ge=1)
    """Longest text, in characters."""
    min: str | int | None = None
    """Least number; write a decimal as text ("0.01")."""
    most: str | int | None = None
    """Greatest number."""
    scale: int | None = Default(default=None, ge=0, le=18)
    """Most digits after the point of a decimal."""
    pattern: str | None = None
    """An RE2 expression that the whole text matches."""
    values: tuple[str, ...] | None = None
    """The words allowed (an enumeration)."""
    ref: Name | None = None
    """The entity whose key this is."""
    null: bool = False
    """May it be empty?"""
    default: str | None = None
    """What a new record gets when the file brings nothing, written as in a file."""
    localized: bool = False
    """Text in several languages: one JSON object of language -> text."""
    picture: bool = False
    """Holds the hash and name of a stored image."""
    label: str = ""


class Entity(Model):
    """A kind of record."""

    key: tuple[Name, ...] = Default(min_length=1)
    field: Mapping[Name, Field]
    table: Name | None = None
    """The table, if not named like the entity; may exist already."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """An entity with its name: what the rest of impexd works on."""

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    table: str
    label: str = ""

    @property
    def refs(self) -> dict[str, str]:
        """Field -> entity it points at."""
        return {name: field.ref for name, field in self.fields.items() if field.ref}


Catalogue = Mapping[str, Kind]
"""All entities by name."""

RESERVED = frozenset({"_created", "_changed", "_part", "_line", "_seq", "_hash"})
"""Columns of every entity table that are ours."""


def kind(name: str, entity: Entity) -> Kind:
    """Pure: give an entity its name and its table."""
    return Kind(name, entity.key, dict(entity.field), entity.table or name, entity.label)
