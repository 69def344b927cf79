"""What the tables are made of: the names of their constraints, and their usual columns."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = MetaData(naming_convention=NAMES)
QUEUE = MetaData(naming_convention=NAMES)
"""The jobs on SQLite.  On PostgreSQL these tables are Procrastinate's own."""

ROWID = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of exactly this type."""
DOCUMENT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def numbered() -> Column[Any]:
    """Make the column `id`, counted by the database."""
    return Column("id", ROWID, primary_key=True, autoincrement=True)


def flag(name: str, **more: Any) -> Column[Any]:
    """Make a column of yes and no; no if nothing is said."""
    return Column(name, Boolean, nullable=False, server_default=text("false"), **more)


def number(name: str) -> Column[Any]:
    """Make a column that counts from 0."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


NEVER_REUSED: Mapping[str, Any] = {"sqlite_autoincrement": True}
"""Of a table whose numbers are never given twice, even after rows have been removed."""
