"""
Which columns point at which files: the likely references of a sample.

Pure.  A column points at an entity if its texts are among the keys that a file of the sample
brings for it; where names say the same, a few may be lacking.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from impexd.imports.describe import alike, names
from impexd.imports.describe.design import Design
from impexd.imports.describe.fit import Fixed
from impexd.imports.describe.sheet import Seen
from impexd.imports.describe.vocabulary import IDENTIFIERS
from impexd.model.entity import Catalogue, Kind, Type

MOST_LACKING = 0.5
"""Of the texts of a column whose name says where it points, those that may be lacking there."""

TELLING = 3
"""Fewer different texts than this are among the keys of another file by chance."""


def keys(designs: Iterable[Design]) -> dict[str, frozenset[str]]:
    """Pure: entity -> the texts of its key in all files that bring it, where it is one column."""
    found: dict[str, frozenset[str]] = {}
    for design in designs:
        if len(design.kind.key) == 1 and len(design.key) == 1:
            texts = frozenset(design.sheet.columns[design.key[0]].different)
            found[design.kind.name] = found.get(design.kind.name, frozenset()) | texts
    return found


def owners(
    columns: Sequence[Seen], known: Mapping[str, frozenset[str]]
) -> dict[int, frozenset[str]]:
    """Pure: column -> entities among whose keys are all its texts, if that cannot be chance."""
    found = {}
    for n, column in enumerate(columns):
        texts = frozenset(column.different)
        if telling(column):
            holding = frozenset(name for name, all_of in known.items() if texts <= all_of)
            if holding:
                found[n] = holding
    return found


def telling(column: Seen) -> bool:
    """Pure: are these texts such that finding them elsewhere says something?"""
    texts = column.different
    if len(texts) < TELLING or column.heading.language or "name" in column.heading.words:
        return False
    return sum(map(len, texts)) >= 4 * len(texts) and not all(text.isdecimal() for text in texts)


def constants(designs: Iterable[Design]) -> dict[str, Fixed]:
    """Pure: entity -> the one key that all files use of it, where it is always the same."""
    used: dict[str, set[str]] = {}
    where: dict[str, str] = {}
    for design in designs:
        for one in design.filled:
            target = design.kind.fields[one.field].ref
            column = design.sheet.columns[one.column]
            if target and column.different:
                used.setdefault(target, set()).update(column.different)
                where.setdefault(target, f"`{column.source}` of {design.sheet.file.name}")
    return {
        target: Fixed("", next(iter(texts)), f"no column says it; {where[target]} is always this")
        for target, texts in used.items()
        if len(texts) == 1
    }


def pointed(design: Design, designs: Sequence[Design], catalogue: Catalogue) -> Design:
    """Pure: an own entity with the references of its fields."""
    fields = dict(design.kind.fields)
    evidence = dict(design.evidence)
    known = keys(designs)
    kinds = {**catalogue, **{one.kind.name: one.kind for one in designs}}
    for one in design.filled:
        column = design.sheet.columns[one.column]
        alone = design.kind.key == (one.field,)
        if fields[one.field].type is not Type.TEXT or one.language or not column.different or alone:
            continue
        for target, why in _targets(design, column, known, kinds):
            if kinds[target].fields[kinds[target].key[0]].type is Type.TEXT:
                fields[one.field] = fields[one.field].model_copy(update={"ref": target})
                evidence[one.field] = why
                break
    return replace(design, kind=replace(design.kind, fields=fields), evidence=evidence)


def _targets(
    design: Design,
    column: Seen,
    known: Mapping[str, frozenset[str]],
    kinds: Mapping[str, Kind],
) -> Iterator[tuple[str, str]]:
    """Pure: entities a column may point at, each with the evidence, the likeliest first."""
    texts = frozenset(column.different)
    scored = []
    for name, all_of in known.items():
        here = len(texts & all_of)
        itself = name == design.kind.name
        called = _called(column, name, kinds[name], itself=itself)
        least = len(texts) if column.unique else len(texts) * (1 - MOST_LACKING)
        if called and here >= least:
            scored.append((1.0 + called + here / len(texts), name, here))
        elif here == len(texts) and telling(column) and not itself:
            scored.append((1.0 - len(all_of) / 1e9, name, here))
    for _, name, here in sorted(scored, reverse=True):
        yield name, f"{here:,} of {len(texts):,} different texts are keys of `{name}`"
    if not scored:
        for name, kind in kinds.items():
            if (
                name not in known
                and len(kind.key) == 1
                and _called(column, name, kind, itself=False)
            ):
                yield name, f"its name says `{name}`, which no file of the sample brings"


def _called(column: Seen, name: str, kind: Kind, *, itself: bool) -> int:
    """Pure: does the column's name say that it identifies such a thing?  2 if by its whole name."""
    words = column.heading.words
    key = names.meaning(kind.key[0])
    about = names.subject(name)
    if itself:
        return int("parent" in words and words <= {"parent", *about, *key, *IDENTIFIERS})
    head = words - IDENTIFIERS - (key - words if words == key else key)
    if not head:
        return 0
    if head in (alike.subject(kind), frozenset(about)):
        return 2
    return int(head == frozenset(about[-1:]))
