"""
Propose a design for every file of a sample: an entity of the catalogue, or one of its own.

Files speak for each other: what one brings, others point at; a shop that every price names is the
shop of a list without one.  So the catalogue is asked twice, and the second time it is known what
the other files are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.imports.describe import filenames, fit, keys, links, names, own
from impexd.imports.describe.design import Design
from impexd.imports.describe.fit import Fit, Hints
from impexd.imports.describe.keys import Key
from impexd.imports.describe.sheet import Sheet
from impexd.model.entity import Catalogue
from impexd.model.faults import entity as entity_faults


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants."""

    own: bool = False
    """Declare entities for all files, whatever the catalogue has."""
    entity: str | None = None
    """The entity of the catalogue that the file fills."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Names that are taken in the configuration the texts will stand in."""

    entities: frozenset[str] = frozenset()
    descriptors: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


class Proposals:
    """Designs in the making, with the names and the keys that are left for them."""

    def __init__(
        self, sheets: Sequence[Sheet], catalogue: Catalogue, wish: Wish, taken: Taken
    ) -> None:
        self._sheets = sheets
        self._wish = wish
        self._all = catalogue
        self.catalogue: Catalogue = {} if wish.own else catalogue
        """The entities a file may fill or point at."""
        self._names: dict[str, str] = {}
        used = set(taken.descriptors)
        for sheet in sheets:
            slug = filenames.slug(sheet.file.name, other="file")
            self._names[sheet.file.name] = own.numbered(slug, used, "-")
            used.add(self._names[sheet.file.name])
        self._entities = {*catalogue, *taken.entities}
        self._keys = {
            sheet.file.name: keys.candidates(sheet, names.subject(sheet.file.name))
            for sheet in sheets
        }

    def all(self) -> list[Design]:
        """Propose a design for every file; `UsageError` for a wish that cannot be met."""
        if self._wish.entity is not None:
            return [self._wished(self._wish.entity)]
        guesses = self._fits(Hints(language=self._language()), {})
        known = [guess for guess in guesses.values() if guess]
        hints = Hints(self._language(), links.constants(known))
        guesses = self._fits(hints, links.keys(known))
        designs = [guesses[sheet.file.name] or self.own(sheet) for sheet in self._sheets]
        return [
            links.pointed(design, designs, self.catalogue) if design.own else design
            for design in designs
        ]

    def own(self, sheet: Sheet, *, why: str = "") -> Design:
        """Declare an entity for a file."""
        name = self._names[sheet.file.name].replace("-", "_")
        if entity_faults.reserved(name) or not name[0].isalpha():
            name = f"file_{name}"
        entity = own.numbered(name, self._entities)
        self._entities.add(entity)
        key = self._keys[sheet.file.name][0]
        why = why or ("asked for" if self._wish.own else "no entity of the catalogue fits well")
        return own.design(sheet, self._names[sheet.file.name], entity, key, why=why)

    def rekeyed(self, design: Design, what: str) -> Design:
        """Give an own entity its next key; if there is none left, the last row of each key wins."""
        file = design.sheet.file.name
        left = [key for key in self._keys[file] if key.columns != design.key]
        self._keys[file] = left
        last = Key(design.key, f"{design.key_why}; {what}", sure=False)
        key = left[0] if left else last
        fresh = own.design(design.sheet, design.name, design.kind.name, key, why=design.why)
        return links.pointed(fresh, [fresh], self.catalogue)

    def _fits(self, hints: Hints, known: Mapping[str, frozenset[str]]) -> dict[str, Design | None]:
        found: dict[str, Design | None] = {}
        for sheet in self._sheets:
            mine = replace(hints, owners=links.owners(sheet.columns, known))
            best = fit.best(sheet, names.subject(sheet.file.name), self.catalogue, mine)
            found[sheet.file.name] = self._fitted(sheet, best) if best else None
        return found

    def _fitted(self, sheet: Sheet, best: Fit) -> Design:
        named = ", ".join(f"`{sheet.columns[n].source}`" for n in best.key)
        fixed = "".join(f', `{one.field}` = "{one.const}"' for one in best.fixed)
        said = "unique and never empty in" if sheet.rows else "by their names, as there are"
        return Design(
            sheet,
            self._names[sheet.file.name],
            best.kind,
            own=False,
            why=f"{best.why}; score {best.score:.2f}",
            key=tuple(best.key),
            key_why=f"{named}{fixed}: {said} {sheet.said() if sheet.rows else 'no rows'}",
            filled=tuple(best.filled),
            fixed=tuple(best.fixed),
            left=best.left,
        )

    def _wished(self, name: str) -> Design:
        kind = self._all.get(name)
        if kind is None:
            known = ", ".join(sorted(self._all)) or "none"
            raise UsageError(f"there is no entity {shown(name)}", hint=f"there are: {known}")
        if len(self._sheets) > 1:
            raise UsageError("one entity is for one file, and these are several")
        sheet = self._sheets[0]
        hints = Hints(language=self._language())
        found = fit.one(sheet, names.subject(sheet.file.name), kind, self.catalogue, hints)
        if found.lacking:
            what = f"this file cannot fill {name}: it lacks {', '.join(found.lacking)}"
            raise UsageError(what, hint="--own declares an entity for it")
        return self._fitted(sheet, found)

    def _language(self) -> str:
        said = (one.heading.language for sheet in self._sheets for one in sheet.columns)
        return next(filter(None, said), "en")
