"""
The queries of an export as SQL, the same records in the same order on both engines.

Values come out in their canonical form: texts, whole numbers (booleans 0 and 1), decimals and
moments as text.  Pure: nothing here asks a database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from impexd.model import selection
from impexd.model.entity import Catalogue, Field, Kind, Type
from impexd.model.export import DELETED, MODE, SEQ, Filter, Op, Query
from impexd.model.selection import Found, Side
from impexd.store.dialect import Names, column_type, quoted

Params = list[str | int]


@dataclass(frozen=True, slots=True)
class Statement:
    """A query with its values."""

    sql: str
    params: tuple[str | int, ...] = ()


@dataclass(slots=True)
class Select:
    """One query while it is put together: which tables it joins, which values it binds."""

    query: Query
    kind: Kind
    catalogue: Catalogue
    names: Names
    params: Params = field(default_factory=list)
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


def rows(
    query: Query,
    kind: Kind,
    catalogue: Catalogue,
    names: Names,
    *,
    sources: Sequence[str],
    nested: Sequence[tuple[Kind, str]] = (),
    since: int | None = None,
    side: Side = "rows",
) -> Statement:
    """
    Pure: the query for the records of an export, or those that do not fit its filter any more.

    `since`: only those that changed after this change number, themselves, in what they point at,
    or in the `nested` records (entity, its field) that point at them.
    """
    select = Select(query, kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in sources]
    if side == "left":
        cells = [_left(one, select) for one in found]
    else:
        cells = [value(one, select) for one in found]
    fitting = [condition(one, select) for one in query.filter] if side == "rows" else []
    if side == "left":
        all_of = " AND ".join(f"({condition(one, select)})" for one in query.filter)
        fitting = [f"NOT COALESCE(({all_of}), {'0' if names.engine == 'sqlite' else 'FALSE'})"]
    if since is not None:
        fitting.append(_changed(select, since, nested))
    elif query.changed_since not in (None, "last"):
        fitting.append(_since_day(select, "t._changed"))
    order = ordering(query, kind, select)
    where = f" WHERE {' AND '.join(f'({one})' for one in fitting)}" if fitting else ""
    sql = f"SELECT {', '.join(cells)} FROM {select.tables()}{where} ORDER BY {order}"
    return Statement(sql, tuple(select.params))


def gone(
    query: Query,
    kind: Kind,
    catalogue: Catalogue,
    names: Names,
    *,
    sources: Sequence[str],
    since: int | None,
) -> Statement:
    """Pure: the query for what was deleted after a change number, or since the query's day."""
    select = Select(query, kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in sources]
    cells = [_buried(one, select) for one in found]
    tests = [f"o.entity = {select.bind(kind.name)}"]
    if since is not None:
        tests.append(f"o.seq > {select.bind(since)}")
    else:
        tests.append(_since_day(select, "o.run"))
    for one in query.filter:
        field = selection.resolve(one.field, kind, catalogue)
        if not field.chain and field.name in kind.key:
            tests.append(compared(_key(field, select), field, one, select))
    where = " AND ".join(tests)
    sql = f"SELECT {', '.join(cells)} FROM {names.live}tombstone o WHERE {where} ORDER BY o.key"
    return Statement(sql, tuple(select.params))


def nested(
    kind: Kind, by: str, catalogue: Catalogue, names: Names, *, sources: Sequence[str]
) -> Statement:
    """Pure: the query for records inside others: first what they point by, then their cells."""
    select = Select(Query(entity=kind.name), kind, catalogue, names)
    found = [selection.resolve(source, kind, catalogue) for source in (by, *sources)]
    cells = [value(one, select) for one in found]
    keys = [name for name in kind.key if name != by]
    order = ", ".join(
        _sorted(selection.resolve(name, kind, catalogue), select) for name in (by, *keys)
    )
    sql = (
        f"SELECT {', '.join(cells)} FROM {select.tables()}"
        f" WHERE t.{quoted(by)} IS NOT NULL ORDER BY {order}"
    )
    return Statement(sql, tuple(select.params))


def value(found: Found, select: Select) -> str:
    """Pure: SQL for a value in its canonical form."""
    if found.own:
        return {MODE: "'merge'", DELETED: "0", SEQ: "t._seq"}[found.name]
    column = select.column(found)
    if found.language:
        return select.names.language(column, found.language)
    return _plain(column, found.type, select.names)


def _plain(column: str, type: Type, names: Names) -> str:
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
            _sorted(found, select) + (" DESC NULLS LAST" if name[0] == "-" else " NULLS FIRST")
        )
    for name in kind.key:
        terms.append(_sorted(Found((), name, kind.fields[name]), select))
    return ", ".join(terms)


def _sorted(found: Found, select: Select) -> str:
    column = select.column(found)
    if found.language:
        return select.names.language(column, found.language)
    if select.names.engine == "sqlite" and found.type is Type.DECIMAL:
        return f"CAST({column} AS REAL)"
    return column


def _changed(select: Select, since: int, nested: Sequence[tuple[Kind, str]]) -> str:
    """Pure: SQL for: this record, or something it is written from, changed after `since`."""
    names = select.names
    tests = [f"t._seq IS NULL OR t._seq > {since:d}"]
    for chain, alias in list(select.joins.items()):
        tests.append(f"{alias}._seq > {since:d}")
        before, kind = select.at(chain[:-1])
        target = kind.fields[chain[-1]].ref or ""
        key = names.key_json(before, (chain[-1],))
        tests.append(_tombstone(names, target, f"o.key = {key}", since))
    for child, by in nested:
        key = select.kind.key[0]
        points = f"c.{quoted(by)} = t.{quoted(key)}"
        inner = f"SELECT 1 FROM {names.table(child)} c WHERE {points} AND c._seq > {since:d}"
        tests.append(f"EXISTS ({inner})")
        if by in child.key:
            part = _key_part(names, child.key.index(by))
            same = f"{part} = {names.as_text(f't.{quoted(key)}')}"
            tests.append(_tombstone(names, child.name, same, since))
    return " OR ".join(tests)


def _tombstone(names: Names, entity: str, test: str, since: int) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {names.live}tombstone o"
        f" WHERE o.entity = '{entity}' AND o.seq > {since:d} AND {test})"
    )


def _key_part(names: Names, position: int) -> str:
    if names.engine == "sqlite":
        return f"json_extract(o.key, '$[{position}]')"
    return f"(CAST(o.key AS JSONB) ->> {position})"


def _since_day(select: Select, run: str) -> str:
    """Pure: SQL for: changed by a run that ended on the query's day or later."""
    day = select.bind(str(select.query.changed_since))
    ended = "COALESCE(r.finished, r.started, r.created)"
    return f"{run} IN (SELECT r.id FROM {select.names.live}run r WHERE {ended} >= {day})"


def _left(found: Found, select: Select) -> str:
    """Pure: SQL for a cell of a record that is told of as gone: its key, and no more."""
    if found.own:
        return {MODE: "'delete'", DELETED: "1", SEQ: "t._seq"}[found.name]
    return value(found, select) if not found.chain and found.name in select.kind.key else "NULL"


def _buried(found: Found, select: Select) -> str:
    """Pure: SQL for a cell of a tombstone."""
    if found.own:
        return {MODE: "'delete'", DELETED: "1", SEQ: "o.seq"}[found.name]
    if found.chain or found.name not in select.kind.key:
        return "NULL"
    return _plain(_key(found, select), found.type, select.names)


def _key(found: Found, select: Select) -> str:
    """Pure: SQL for a field of a tombstone's key, in its type."""
    part = _key_part(select.names, select.kind.key.index(found.name))
    if select.names.engine == "postgresql":
        text = found.type is Type.TEXT
        return part if text else f"CAST({part} AS {column_type('postgresql', found.field)})"
    whole = found.type in (Type.INTEGER, Type.BOOLEAN)
    return f"CAST({part} AS INTEGER)" if whole else part
