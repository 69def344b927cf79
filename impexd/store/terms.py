"""
The parts of an export's queries: joins, values in their canonical form, conditions, order.

Values come out as texts and whole numbers (booleans 0 and 1), decimals and moments as text, the
same on both engines.  Pure: nothing here asks a database.
"""

from dataclasses import dataclass, field

from impexd.model import selection
from impexd.model.entity import Catalogue, Field, Kind, Type
from impexd.model.export import DELETED, MODE, SEQ, Filter, Op, Query
from impexd.model.selection import Found
from impexd.store.dialect import Names, column_type, quoted


@dataclass(slots=True)
class Select:
    """One query while it is put together: which tables it joins, which values it binds."""

    query: Query
    kind: Kind
    catalogue: Catalogue
    names: Names
    params: list[str | int] = field(default_factory=list)
    joins: dict[tuple[str, ...], str] = field(default_factory=dict)
    """References followed -> alias of the table they lead to."""

    def at(self, chain: tuple[str, ...]) -> tuple[str, Kind]:
        """The alias and the entity at the end of some references; joined when first asked for."""
        kind = self.kind
        for step in chain:
            kind = self.catalogue[kind.fields[step].ref or ""]
        if not chain:
            return "t", kind
        for end in range(1, len(chain) + 1):
            self.joins.setdefault(chain[:end], f"j{len(self.joins)}")
        return self.joins[chain], kind

    def column(self, found: Found) -> str:
        """SQL of a field as it stands in its table."""
        alias, _ = self.at(found.chain)
        return f"{alias}.{quoted(found.name)}"

    def bind(self, value: str | int) -> str:
        """A placeholder for a value."""
        self.params.append(value)
        return "?" if self.names.engine == "sqlite" else "%s"

    def tables(self) -> str:
        """SQL of all tables, joined; records that point nowhere stay."""
        sql = f"{self.names.table(self.kind)} t"
        for chain, alias in self.joins.items():
            before, kind = self.at(chain[:-1])
            target = self.catalogue[kind.fields[chain[-1]].ref or ""]
            on = f"{alias}.{quoted(target.key[0])} = {before}.{quoted(chain[-1])}"
            sql += f" LEFT JOIN {self.names.table(target)} {alias} ON {on}"
        return sql


def value(found: Found, select: Select) -> str:
    """Pure: SQL for a value in its canonical form."""
    if found.own:
        return {MODE: "'merge'", DELETED: "0", SEQ: "t._seq"}[found.name]
    column = select.column(found)
    if found.language:
        return select.names.language(column, found.language)
    return plain(column, found.type, select.names)


def plain(column: str, type: Type, names: Names) -> str:
    """Pure: SQL that turns a value of an engine into what SQLite keeps anyway."""
    if names.engine == "sqlite":
        return column
    match type:
        case Type.DECIMAL:
            return f"CAST(trim_scale({column}) AS TEXT)"
        case Type.BOOLEAN:
            return f"CAST({column} AS INTEGER)"
        case Type.DATE:
            return f"to_char({column}, 'YYYY-MM-DD')"
        case Type.DATETIME:
            utc = f"({column} AT TIME ZONE 'UTC')"
            whole = f"MOD(CAST(EXTRACT(MICROSECONDS FROM {utc}) AS BIGINT), 1000000) = 0"
            return (
                f'CASE WHEN {whole} THEN to_char({utc}, \'YYYY-MM-DD"T"HH24:MI:SS"Z"\')'
                f' ELSE to_char({utc}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') END'
            )
        case Type.JSON:
            return f"CAST({column} AS TEXT)"
        case _:
            return column


def condition(one: Filter, select: Select) -> str:
    """Pure: SQL for one condition."""
    found = selection.resolve(one.field, select.kind, select.catalogue)
    column = select.column(found)
    if found.language:
        column = select.names.language(column, found.language)
    return compared(column, found, one, select)


def compared(column: str, found: Found, one: Filter, select: Select) -> str:
    """Pure: SQL for the comparison of a column; a value that is not there fits nothing but `null`."""
    match one.op:
        case Op.NULL | Op.NOT_NULL:
            return f"{column} IS {'NOT ' if one.op is Op.NOT_NULL else ''}NULL"
        case Op.IN:
            given = one.value if isinstance(one.value, tuple) else ()
            all_of = ", ".join(_bound(each, found, select) for each in given)
            return f"{column} IN ({all_of})" if given else "1 = 0"
        case Op.PREFIX:
            text = str(one.value)
            return f"substr({column}, 1, {len(text)}) = {select.bind(text)}"
    assert one.value is not None and not isinstance(one.value, tuple)
    bound = _bound(one.value, found, select)
    ordered = one.op not in (Op.IS, Op.IS_NOT)
    if ordered and select.names.engine == "sqlite" and found.type is Type.DECIMAL:
        # Kept as text there, which sorts by its characters.
        column, bound = f"CAST({column} AS REAL)", f"CAST({bound} AS REAL)"
    return f"{column} {'<>' if one.op is Op.IS_NOT else one.op.value} {bound}"


def _bound(value: str | int | bool, found: Found, select: Select) -> str:
    given = selection.canonical(value, found.type)
    hole = select.bind(given)
    if select.names.engine == "sqlite":
        return hole
    if found.type is Type.BOOLEAN:
        return f"CAST(CAST({hole} AS INTEGER) AS BOOLEAN)"
    if found.type is Type.TEXT:
        return hole
    return f"CAST({hole} AS {column_type('postgresql', Field(type=found.type))})"


def ordering(query: Query, kind: Kind, select: Select) -> str:
    """Pure: SQL for the order: as asked for, then by key, so that there is only one."""
    terms: list[str] = []
    for name in query.order:
        found = selection.resolve(name.removeprefix("-"), kind, select.catalogue)
        terms.append(
            sort(found, select) + (" DESC NULLS LAST" if name[0] == "-" else " NULLS FIRST")
        )
    for name in kind.key:
        terms.append(sort(Found((), name, kind.fields[name]), select))
    return ", ".join(terms)


def sort(found: Found, select: Select) -> str:
    """Pure: SQL by which values sort as they should; decimals are text on SQLite."""
    column = select.column(found)
    if found.language:
        return select.names.language(column, found.language)
    if select.names.engine == "sqlite" and found.type is Type.DECIMAL:
        return f"CAST({column} AS REAL)"
    return column
