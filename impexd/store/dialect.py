"""
What the two engines say differently; everything else is written once.

Both hold the same values: decimals are exact (canonical text on SQLite, NUMERIC on PostgreSQL),
moments are UTC, text compares by code point.  `Names` says where live tables and stage tables
are found from a given connection.
"""

from dataclasses import dataclass
from typing import Literal

from impexd.model.entity import Field, Kind, Type

Engine = Literal["sqlite", "postgresql"]

_TYPES: dict[Engine, dict[Type, str]] = {
    "sqlite": {
        Type.TEXT: "TEXT",
        Type.INTEGER: "INTEGER",
        Type.DECIMAL: "TEXT",
        Type.BOOLEAN: "INTEGER",
        Type.DATE: "TEXT",
        Type.DATETIME: "TEXT",
        Type.JSON: "TEXT",
    },
    "postgresql": {
        Type.TEXT: 'TEXT COLLATE "C"',
        Type.INTEGER: "BIGINT",
        Type.DECIMAL: "NUMERIC",
        Type.BOOLEAN: "BOOLEAN",
        Type.DATE: "DATE",
        Type.DATETIME: "TIMESTAMPTZ",
        Type.JSON: "JSONB",
    },
}


@dataclass(frozen=True, slots=True)
class Names:
    """Where tables are found from one connection."""

    engine: Engine
    live: str
    """Prefix of live tables, with its dot: `live.` where the stage is the main database."""
    stage: str
    """Prefix of stage tables, with its dot."""
    run: str = ":run"
    """SQL of the run that a row `p` of a plan belongs to."""

    @property
    def id(self) -> str:
        """The column that names a row of a live table within its table."""
        return "rowid" if self.engine == "sqlite" else '"_id"'

    def table(self, kind: Kind) -> str:
        """The live table of a kind."""
        return f"{self.live}{quoted(kind.table)}"

    def undo(self, kind: Kind) -> str:
        """The table of before-images of a kind."""
        return f"{self.live}{quoted(kind.table + '__undo')}"

    def patch(self, old: str, changes: dict[str, str]) -> str:
        """Pure: SQL for a localized text with some languages set, or taken out where NULL."""
        pairs = ", ".join(f"'{language}', {value}" for language, value in changes.items())
        if self.engine == "sqlite":
            return f"NULLIF(json_patch(COALESCE({old}, '{{}}'), json_object({pairs})), '{{}}')"
        build = f"COALESCE({old}, CAST('{{}}' AS JSONB)) || jsonb_build_object({pairs})"
        return f"NULLIF(jsonb_strip_nulls({build}), CAST('{{}}' AS JSONB))"

    def language(self, column: str, language: str) -> str:
        """Pure: SQL for one language of a localized text."""
        if self.engine == "sqlite":
            return f"""json_extract({column}, '$."{language}"')"""
        return f"({column} ->> '{language}')"

    def as_text(self, column: str) -> str:
        """Pure: SQL for a value as text, the same on both engines."""
        return f"CAST({column} AS TEXT)"

    def key_json(self, alias: str, key: tuple[str, ...], columns: tuple[str, ...] = ()) -> str:
        """Pure: SQL for a record's key as a JSON list of texts; `columns` hold it if not named so."""
        cells = [self.as_text(f"{alias}.{quoted(name)}") for name in columns or key]
        if self.engine == "sqlite":
            return f"json_array({', '.join(cells)})"
        return " || ',' || ".join(f"CAST(to_json({cell}) AS TEXT)" for cell in cells).join(
            ("'[' || ", " || ']'")
        )

    def literal(self, field: Field, value: str | int | None) -> str:
        """Pure: SQL for a value in its canonical form."""
        if value is None:
            return "NULL"
        if field.type is Type.BOOLEAN:
            return str(value) if self.engine == "sqlite" else ("TRUE" if value else "FALSE")
        if isinstance(value, int):
            return str(value)
        if field.type is Type.DECIMAL and self.engine == "postgresql":
            return value
        text = "'" + value.replace("'", "''") + "'"
        kind = _CAST.get(field.type)
        return f"CAST({text} AS {kind})" if kind and self.engine == "postgresql" else text


_CAST = {Type.DATE: "DATE", Type.DATETIME: "TIMESTAMPTZ", Type.JSON: "JSONB"}


def unmarked(sql: str) -> str:
    """Pure: SQL for a statement with named parameters, in which a colon of its own marks none."""
    return sql.replace(":", "\\:")


def quoted(name: str) -> str:
    """Pure: an identifier in quotes; names come checked from the configuration."""
    return f'"{name}"'


def column_type(engine: Engine, field: Field) -> str:
    """Pure: the SQL type that holds a field."""
    return _TYPES[engine][Type.JSON if field.localized else field.type]
