"""
Which entity of the catalogue a file is, and which of its columns fill which fields.

Pure.  Names propose, values dispose: a column fills a field only if the import's own conversion
takes every text of the sample for it; an entity fits only if its key is filled, unique in the
sample and never empty, and every field that must not be empty is filled as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from impexd.imports.describe import alike, keys, kinds
from impexd.imports.describe.alike import Alike
from impexd.imports.describe.kinds import Keys
from impexd.imports.describe.names import Words
from impexd.imports.describe.sheet import Seen, Sheet
from impexd.imports.describe.vocabulary import IDENTIFIERS
from impexd.model.entity import Catalogue, Field, Kind

ENOUGH = 0.5
"""An entity of a lower score is not believed."""

CALLED = 0.5
MOST = 0.6
"""A file that is not called like an entity has to have this share of its columns in it."""

EMPTY = 0.65
"""How alike names have to be where no text can speak for them."""

CLOSE = 0.03
"""Two entities nearer to each other than this cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A column, and the field it fills."""

    column: int
    field: str
    language: str
    keys: Keys
    why: str = ""

    @property
    def target(self) -> str:
        """The `to` of the column."""
        return f"{self.field}@{self.language}" if self.language else self.field


@dataclass(frozen=True, slots=True)
class Fixed:
    """A field that no column fills, but a fixed value."""

    field: str
    const: str
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """A column that fills nothing."""

    why: str = ""
    target: str = ""
    """What it would fill, if its texts did; "" if nothing is called like it."""
    words: tuple[str, ...] = ()
    """The words that field allows."""


@dataclass(slots=True)
class Fit:
    """How a file fills an entity."""

    kind: Kind
    score: float = 0.0
    why: str = ""
    named: float = 0.0
    """How far the file is called like it."""
    covered: float = 0.0
    """Of the columns with content, those that have a field."""
    filled: list[Filled] = field(default_factory=list)
    fixed: list[Fixed] = field(default_factory=list)
    left: dict[int, Left] = field(default_factory=dict)
    """Columns that fill nothing."""
    lacking: tuple[str, ...] = ()
    """Fields that it has to have and has not."""

    @property
    def key(self) -> list[int]:
        """The columns of the key, in its order."""
        at = {one.field: one.column for one in self.filled}
        return [at[name] for name in self.kind.key if name in at]


@dataclass(frozen=True, slots=True)
class Hints:
    """What other files of the same sample say."""

    language: str = "en"
    """The language of texts that say none."""
    constants: Mapping[str, Fixed] = field(default_factory=dict)
    """Entity -> the one key that all files use of it."""
    owners: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Column -> entities whose keys hold all of its texts."""


def best(sheet: Sheet, subject: Words, catalogue: Catalogue, hints: Hints) -> Fit | None:
    """Pure: the entity that fits a file; None if none does well."""
    found = [one(sheet, subject, kind, catalogue, hints) for kind in catalogue.values()]
    found = sorted((fit for fit in found if fit.filled), key=lambda fit: -fit.score)
    good = [fit for fit in found if not fit.lacking and fit.score >= ENOUGH and _believed(fit)]
    called = next((fit for fit in found if fit.named == 1.0), None)
    if called is not None:  # a file named exactly like one entity is not put into another
        good = [called] if called in good else []
    if not good:
        return None
    if len(good) > 1 and good[0].score - good[1].score < CLOSE:
        if good[0].named < CALLED:
            return None
        good[0].why += f"; {good[1].kind.name} would fit nearly as well"
    return good[0]


def _believed(fit: Fit) -> bool:
    """Pure: is there more to it than a column that any entity has?"""
    columns = {one.column for one in fit.filled}
    return fit.named >= CALLED or (len(columns) > 2 and fit.covered >= MOST)


def one(sheet: Sheet, subject: Words, kind: Kind, catalogue: Catalogue, hints: Hints) -> Fit:
    """Pure: how a file would fill an entity."""
    fit = Fit(kind)
    taken: set[int] = set()
    fields: set[str] = set()
    for n, choice in _choices(sheet.columns, kind, catalogue, hints):
        if n in taken or choice.target in fields:
            continue
        filled = _filling(sheet, n, choice, kind)
        if isinstance(filled, Left):
            fit.left.setdefault(n, filled)
            continue
        fit.filled.append(filled)
        taken.add(n)
        fields.add(choice.target)
    fit.left = {n: fit.left.get(n, Left()) for n in range(len(sheet.columns)) if n not in taken}
    _name(fit, sheet)
    fit.filled.sort(key=lambda one: one.column)
    _fix(fit, hints)
    fit.lacking = tuple(_lacking(fit, sheet))
    _judge(fit, sheet, subject)
    return fit


def _choices(
    columns: Sequence[Seen], kind: Kind, catalogue: Catalogue, hints: Hints
) -> list[tuple[int, Alike]]:
    """Pure: all pairs of a column and a field that are alike, the likeliest first."""
    languages = {one.heading.name.casefold() for one in columns if one.heading.language}
    found = [
        (n, choice)
        for n, column in enumerate(columns)
        for choice in alike.fields(
            column.heading, kind, catalogue, languages=languages, first=hints.language
        )
        if column.different or choice.score > EMPTY
    ]
    found += _owned(columns, kind, hints)
    return sorted(found, key=lambda one: (-one[1].score, one[0]))


def _owned(columns: Sequence[Seen], kind: Kind, hints: Hints) -> Iterator[tuple[int, Alike]]:
    """Pure: columns whose texts are keys of what a field of the entity's key points at."""
    for n, owners in hints.owners.items():
        for name in kind.key:
            if kind.fields[name].ref in owners and not columns[n].heading.language:
                yield n, Alike(name, "", 0.4)


def _filling(sheet: Sheet, n: int, choice: Alike, kind: Kind) -> Filled | Left:
    """Pure: the column as it fills the field, or why it does not."""
    column, into = sheet.columns[n], kind.fields[choice.field]
    needed = choice.field in kind.key or not (into.null or into.default is not None)
    if needed and column.filled < sheet.rows:
        empty = sheet.rows - column.filled
        return Left(f"`{choice.field}` may not be empty, and {empty:,} cells are", choice.target)
    written, reason = writing(column.different, into)
    if written is None:
        return Left(f"{reason}", choice.target, into.values or ())
    return Filled(n, choice.field, choice.language, written, reason)


def writing(texts: Sequence[str], into: Field) -> tuple[Keys | None, str]:
    """Pure: the keys with which every text becomes a value of the field, or why there are none."""
    first: list[tuple[str, str]] = []
    for way in kinds.ways(into.type):
        wrong = kinds.misfits(texts, into.model_copy(update={"null": True}), way)
        if not wrong:
            return way, ""
        first = first or wrong
    if into.values and (table := _map(texts, into.values)):
        return {"map": table}, "each begins another one of the words allowed"
    text, reason = first[0]
    return None, f"{kinds.told([text])} is no value of it: {reason}"


def _map(texts: Sequence[str], words: Sequence[str]) -> dict[str, str] | None:
    """Pure: texts that are beginnings of the words allowed, each of another one."""
    table: dict[str, str] = {}
    for text in texts:
        meant = [word for word in words if word.casefold().startswith(text.casefold())]
        if len(meant) != 1 or meant[0] in table.values():
            return None
        table[text] = meant[0]
    return table or None


def _name(fit: Fit, sheet: Sheet) -> None:
    """Let the file's own identifier be the key as well, where it has no other."""
    (key, *more) = fit.kind.key
    if more or any(one.field == key for one in fit.filled):
        return
    own = {*alike.subject(fit.kind), *IDENTIFIERS}
    for one in fit.filled:
        column = sheet.columns[one.column]
        named = column.heading.words <= own and column.heading.words & IDENTIFIERS
        if named and column.unique and writing(column.different, fit.kind.fields[key])[0] == {}:
            why = "it identifies the record, and nothing else does"
            fit.filled.append(Filled(one.column, key, "", {}, why))
            return


def _fix(fit: Fit, hints: Hints) -> None:
    """Fill the one part of the key that has no column by what all other files say."""
    at = {one.field for one in fit.filled}
    missing = [name for name in fit.kind.key if name not in at]
    if len(missing) == 1 and len(fit.kind.key) > 1:
        known = hints.constants.get(fit.kind.fields[missing[0]].ref or "")
        if known is not None:
            fit.fixed.append(Fixed(missing[0], known.const, known.why))


def _lacking(fit: Fit, sheet: Sheet) -> Iterator[str]:
    brought = {one.field for one in fit.filled} | {one.field for one in fit.fixed}
    for name in fit.kind.key:
        if name not in brought:
            yield f"`{name}` of its key"
    for name, into in fit.kind.fields.items():
        if not into.null and into.default is None and name not in brought | set(fit.kind.key):
            yield f"`{name}`"
    columns = [sheet.columns[n] for n in fit.key]
    if sheet.rows and columns and not keys.unique(columns):
        names = ", ".join(f"`{one.source}`" for one in columns)
        yield f"a key that is unique: {names} repeats"


def _named(subject: Words, kind: Kind) -> float:
    """Pure: how far the name of the file is that of the entity; its head counts most."""
    mine, theirs = set(subject), alike.subject(kind)
    if not mine or not mine & theirs:
        return 0.0
    common = len(mine & theirs)
    score = 2 * common / (len(mine) + len(theirs))
    return score * (1.0 if subject[-1] in theirs else 0.6)


def _judge(fit: Fit, sheet: Sheet, subject: Words) -> None:
    """Score a fit: the file's name, the columns that have a field, the key."""
    meant = [n for n, column in enumerate(sheet.columns) if column.different or not sheet.rows]
    filled = {one.column for one in fit.filled} & set(meant)
    fit.named = _named(subject, fit.kind)
    fit.covered = len(filled) / len(meant) if meant else 0.0
    key = 1 - len([name for name in fit.lacking if "key" in name]) / len(fit.kind.key)
    fit.score = 0.5 * fit.named + 0.35 * fit.covered + 0.15 * max(key, 0.0)
    said = "the file is called like it, " if fit.named > CALLED else ""
    fit.why = f"{said}{len(filled)} of {len(meant)} columns with content have a field"
