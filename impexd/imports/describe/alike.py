"""
Which field of an entity a column may be, by their names alone.

Pure.  `SKU code` in a file of SKUs is `code`, in a list of stock it is `sku`, which points at
SKUs; `description` without a language is the first language of `description`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from impexd.imports.describe import names
from impexd.imports.describe.names import Heading
from impexd.imports.describe.vocabulary import IDENTIFIERS, SMALL
from impexd.model.entity import Catalogue, Kind

LEAST = 0.25
"""Names less alike than this are not."""

ALIASES = frozenset({("name", "title"), ("name", "label"), ("title", "name"), ("code", "guid")})
"""(word of the column, field): other words for nearly the same."""

Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class Alike:
    """A field that a column may fill."""

    field: str
    language: str
    score: float

    @property
    def target(self) -> str:
        """The `to` of the column."""
        return f"{self.field}@{self.language}" if self.language else self.field


def fields(
    heading: Heading, kind: Kind, catalogue: Catalogue, *, languages: Collection[str], first: str
) -> Iterator[Alike]:
    """
    Pure: the fields that a column so named may fill.

    `languages` are the names in the file that stand in languages; `first` is the language of
    those that name none.
    """
    if not heading.words:
        return
    for name, field in kind.fields.items():
        if field.picture:
            continue  # it is filled by files of pictures
        score = _score(heading.words, name, kind, catalogue)
        if field.localized:
            beside = heading.name.casefold() in languages
            language = heading.language or ("" if heading.base or beside else first)
            score *= 1.0 if heading.language else 0.8
            if language and score >= LEAST:
                yield Alike(name, language, score)
        elif not heading.language and score >= LEAST:
            yield Alike(name, "", score if not heading.base else _plain(name, score))


def _plain(name: str, score: float) -> float:
    """Pure: a name beside its languages is in none: what the house itself calls it."""
    return max(score, 0.6) if name == "label" else score


def subject(kind: Kind) -> Words:
    """Pure: the words of an entity's name."""
    return _words(kind.name)


@lru_cache(maxsize=4096)
def _words(name: str) -> Words:
    return names.meaning(name)


def _score(column: Words, name: str, kind: Kind, catalogue: Catalogue) -> float:
    field, entity = _words(name), subject(kind)
    if column == field:
        return 1.0
    rest = column - entity
    if rest and rest == field - entity | (field & rest):
        return 0.95
    if kind.fields[name].ref:
        return _pointing(column, name, kind, catalogue)
    if column <= entity | IDENTIFIERS and column & IDENTIFIERS and field == {"type"}:
        return 0.5  # the code of an association says of which kind it is
    if name in kind.key and len(kind.key) == 1 and field <= {*IDENTIFIERS, "name"}:
        own = entity | IDENTIFIERS | field
        if column <= own and (column & IDENTIFIERS or column == entity):
            return 0.7
    if any({at} in (column, rest) and {ours} == field for at, ours in ALIASES):
        return 0.5
    return _near(column, field, entity, catalogue)


def _pointing(column: Words, name: str, kind: Kind, catalogue: Catalogue) -> float:
    """Pure: does the column name what the field points at, or the field, by an identifier?"""
    field = _words(name)
    target = catalogue.get(kind.fields[name].ref or "")
    if target is None:
        return 0.0
    thing = subject(target)
    allowed = field | thing | _words(target.key[0]) | IDENTIFIERS
    if column <= allowed and field <= column:
        return 0.9
    if column == _words(target.key[0]) and field == thing and thing < subject(kind):
        return 0.6  # the `guid` of a shop's category is that of the category
    alone = list(kind.refs.values()).count(target.name) == 1
    if column <= allowed and thing <= column and alone:
        return 0.8
    foreign = column - allowed - SMALL
    return 0.45 if field <= column and field != thing and len(foreign) == 1 else 0.0


def _near(column: Words, field: Words, entity: Words, catalogue: Catalogue) -> float:
    """Pure: the share of words in common; not if the column is about another thing."""
    mine = (column - entity - SMALL) or column
    wanted = (field - entity) or field
    if wanted <= column and not field - column:
        mine |= wanted
    foreign = mine - wanted
    things = {word for other in catalogue.values() for word in subject(other)}
    if wanted <= IDENTIFIERS | {"name"} and foreign & things:
        return 0.0
    if wanted & IDENTIFIERS - mine:
        return 0.0  # a brand is no code of a brand
    return 0.6 * _weight(mine & wanted) / _weight(mine | wanted)


def _weight(words: Words) -> float:
    """Pure: how much words say; that something is a code says little."""
    return sum(0.3 if word in IDENTIFIERS else 1.0 for word in words)
