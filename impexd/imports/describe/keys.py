"""
Which columns name a record: the likely key of a file.

Pure.  What is unique by chance is not a key: a list of stock has each SKU once as long as there
is one warehouse.  So names come first, and the rows have to agree with them:

1. an identifier of its own (`guid`, `code`, `SKU`), or of what the file is about (`product guid`
   in a file of products), if it is never empty and never repeated;
2. the identifiers of other things together (`sku code`, `warehouse code`), where the file says how
   things belong together, with what tells its records apart besides (`currency`, `tier`);
3. a name; any column; the smallest combination of columns, the leading ones first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from impexd.imports.describe.names import Words
from impexd.imports.describe.sheet import Seen, Sheet
from impexd.imports.describe.vocabulary import DIMENSIONS, IDENTIFIERS
from impexd.model.entity import Type

WIDEST = 4
"""Most columns of a combination that is found by trying."""

TRIED = 400
"""Most combinations that are tried."""

NEAR = ("guid", "id", "code", "number", "sku", "barcode", "key", "name", "email", "title")
"""Names of a key of one column, the best first."""

OF_THINGS = frozenset(
    [
        "product",
        "sku",
        "brand",
        "category",
        "attribute",
        "shop",
        "warehouse",
        "customer",
        "supplier",
        "order",
        "association",
        "carrier",
        "promotion",
        "coupon",
        "country",
        "state",
        "tax",
        "delivery",
        "address",
    ]
)
"""Things that other files point at by a plain column of their name: `sku`, `warehouse`."""


OF_SKUS = frozenset(
    ["stock", "price", "association", "attribute", "category", "order", "tax", "warehouse"]
)
"""What is told of SKUs: there `sku` is not the record itself."""


@dataclass(frozen=True, slots=True)
class Key:
    """Columns that name a record, by position among the columns of the sheet."""

    columns: tuple[int, ...]
    why: str
    sure: bool = True
    """Is it unique in the sample?"""


def candidates(sheet: Sheet, subject: Words) -> list[Key]:
    """Pure: the likely keys of a file about `subject`, the best first; never none of a file with columns."""
    found: dict[frozenset[int], Key] = {}
    for key in islice(_all(sheet, subject), 8):
        found.setdefault(frozenset(key.columns), key)
    return list(found.values()) or [_desperate(sheet)]


def unique(columns: Sequence[Seen]) -> bool:
    """Pure: is the combination never repeated, and none of it ever empty?"""
    if not columns or any(column.filled < len(column.texts) for column in columns):
        return False
    if len(columns) == 1:
        return columns[0].unique
    rows = len(columns[0].texts)
    return len(set(zip(*(column.texts for column in columns), strict=True))) == rows > 0


def _all(sheet: Sheet, subject: Words) -> Iterator[Key]:
    if not sheet.rows:
        yield from _by_name(sheet, subject)
        return
    yield from _own(sheet, subject)
    yield from _relation(sheet)
    yield from _single(sheet)
    yield from _tried(sheet)
    yield from _gapped(sheet)


def _own(sheet: Sheet, subject: Words) -> Iterator[Key]:
    """Identifiers of what the file is about."""
    scored = []
    for n, column in enumerate(sheet.columns):
        rank = _identity(column, subject)
        if rank and column.unique and _can_be(column):
            scored.append((rank, n, column))
    for rank, n, column in sorted(scored, key=lambda one: one[:2]):
        what = (
            "is an identifier" if rank < 2 else f"identifies what the file is about ({subject[-1]})"
        )
        yield Key((n,), f"`{column.source}` {what}, {_said(sheet)}")


def _identity(column: Seen, subject: Words) -> float:
    """Pure: how well a column's name says "this record"; 0 if it does not, less is better."""
    words = column.heading.words
    if column.heading.language or not words:
        return 0.0
    if len(words) == 1 and (word := next(iter(words))) in NEAR[:7]:
        other = word == "sku" and bool(subject) and subject[-1] in OF_SKUS
        return 0.0 if other else 1 + NEAR.index(word) / 10
    own = set(subject[-1:])
    if own and own <= words and words <= {*subject, *IDENTIFIERS, "name"}:
        return 2.0 + ("name" in words) + (words == own)
    return 0.0


def _relation(sheet: Sheet) -> Iterator[Key]:
    """Identifiers of other things together, with what tells records apart besides."""
    columns = sheet.columns
    ids = [n for n, column in enumerate(columns) if column.filled == sheet.rows and _points(column)]
    ids = _without_twins(columns, ids)
    lines = [n for n, column in enumerate(columns) if {"line", "rank"} & column.heading.words]
    for n in lines:
        if ids and unique([columns[ids[0]], columns[n]]) and not columns[ids[0]].unique:
            yield _joined(sheet, [ids[0], n], "the number of a line within")
    if len(ids) > 1 and unique([columns[n] for n in ids]):
        yield _joined(sheet, ids, "identifiers of what belongs together")
        return
    more = [
        n
        for n, column in enumerate(columns)
        if n not in ids and column.filled == sheet.rows and DIMENSIONS & column.heading.words
    ]
    for count in range(1, len(more) + 1):
        if ids and unique([columns[n] for n in [*ids, *more[:count]]]):
            chosen = _needed(columns, ids, more[:count])
            if len(chosen) > 1:
                yield _joined(sheet, chosen, "identifiers, and what tells records apart")
            return


def _points(column: Seen) -> bool:
    """Pure: does a column's name say that it identifies something?"""
    words = column.heading.words
    if column.heading.language or column.kind.type not in (Type.TEXT, Type.INTEGER):
        return False
    return bool(words & IDENTIFIERS) or (len(words) == 1 and words <= OF_THINGS)


def _without_twins(columns: Sequence[Seen], ids: Iterable[int]) -> list[int]:
    """Pure: leave out identifiers that are another name of one before them, row by row."""
    kept: list[int] = []
    for n in ids:
        mine = columns[n]
        twin = any(
            len(mine.different) == len(columns[k].different) > 1
            and len(set(zip(mine.texts, columns[k].texts, strict=True))) == len(mine.different)
            and not mine.unique
            for k in kept
        )
        if not twin:
            kept.append(n)
    return kept


def _needed(columns: Sequence[Seen], ids: list[int], more: list[int]) -> list[int]:
    """Pure: leave out what is not needed of `more`."""
    for n in list(more):
        rest = [k for k in more if k != n]
        if unique([columns[k] for k in [*ids, *rest]]):
            more = rest
    return sorted([*ids, *more])


def _single(sheet: Sheet) -> Iterator[Key]:
    """Any other column that is unique: one that is called like a key, else the leading one."""

    def rank(n: int) -> tuple[int, int]:
        words = sheet.columns[n].heading.words
        named = [NEAR.index(word) for word in words if word in NEAR]
        return (min(named) if named and len(words) < 3 else len(NEAR), n)

    fit = [n for n, column in enumerate(sheet.columns) if column.unique and _can_be(column)]
    for n in sorted(fit, key=rank):
        yield Key((n,), f"`{sheet.columns[n].source}` is {_said(sheet)}")


def _tried(sheet: Sheet) -> Iterator[Key]:
    """The smallest combination, the leading columns first."""
    fit = [n for n in _varying(sheet) if sheet.columns[n].filled == sheet.rows]
    tries = (chosen for width in range(2, WIDEST + 1) for chosen in combinations(fit, width))
    for chosen in islice(tries, TRIED):
        if unique([sheet.columns[n] for n in chosen]):
            yield _joined(sheet, chosen, "the smallest combination")
            return


def _gapped(sheet: Sheet) -> Iterator[Key]:
    """A column that is never empty with some that are, as in a list of products and their variants."""
    fit = _varying(sheet)
    firm = [n for n in fit if sheet.columns[n].filled == sheet.rows]
    loose = [n for n in fit if n not in firm]
    tries = (
        (n, *more)
        for width in range(1, WIDEST)
        for n in firm
        for more in combinations(loose, width)
    )
    for chosen in islice(tries, TRIED):
        if len(set(zip(*(sheet.columns[n].texts for n in chosen), strict=True))) == sheet.rows:
            names = ", ".join(f"`{sheet.columns[n].source}`" for n in chosen)
            why = "unique in " + sheet.said()
            yield Key(chosen, f'{names}: {why}, where an empty cell counts as a value, "-"')
            return


def _varying(sheet: Sheet) -> list[int]:
    """Pure: the columns that may be part of a key and say different things."""
    return [
        n for n, column in enumerate(sheet.columns) if _can_be(column) and len(column.different) > 1
    ]


def _can_be(column: Seen) -> bool:
    """Pure: may this be part of a key?  What is measured or told at length is none."""
    measured = column.kind.type in (Type.DECIMAL, Type.JSON) or column.heading.language
    return not measured and column.longest <= 200


def _by_name(sheet: Sheet, subject: Words) -> Iterator[Key]:
    """The key of a file without rows: by its names alone."""
    ranked = [(_identity(column, subject), n) for n, column in enumerate(sheet.columns)]
    for _, n in sorted(one for one in ranked if one[0]):
        yield Key((n,), f"`{sheet.columns[n].source}` by its name; there are no rows")
    if sheet.columns:
        yield Key((0,), f"`{sheet.columns[0].source}`, the first column; there are no rows")


def _desperate(sheet: Sheet) -> Key:
    """Nothing is unique: the columns that are never empty, as many as come near."""
    fit = [
        n
        for n, column in enumerate(sheet.columns)
        if column.filled == sheet.rows and _can_be(column)
    ]
    chosen: list[int] = []
    best = 0
    for n in fit:
        count = len(set(zip(*(sheet.columns[k].texts for k in [*chosen, n]), strict=True)))
        if count > best:
            chosen, best = [*chosen, n], count
    if not chosen:
        chosen = [
            max(
                range(len(sheet.columns)),
                key=lambda n: (_can_be(sheet.columns[n]), len(sheet.columns[n].different)),
            )
        ]
    why = f"nothing is unique; these come nearest, {best:,} different in {sheet.said()}"
    return Key(tuple(chosen), why, sure=False)


def _joined(sheet: Sheet, chosen: Iterable[int], what: str) -> Key:
    columns = tuple(chosen)
    names = ", ".join(f"`{sheet.columns[n].source}`" for n in columns)
    return Key(columns, f"{names}: {what}, {_said(sheet)}")


def _said(sheet: Sheet) -> str:
    return f"unique and never empty in {sheet.said()}"
