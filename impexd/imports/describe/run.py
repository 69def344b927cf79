"""
Describe a sample: look, sample, guess, prove, write.

Takes the files of a sample and the catalogue; gives the texts of a configuration that loads them.
Every guess is held to the whole file by the import's own conversion and corrected where it does
not hold, so what is given has been tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from impexd.core.errors import DataError, UsageError
from impexd.imports.describe import (
    check,
    filenames,
    fit,
    keys,
    links,
    look,
    names,
    own,
    prove,
    toml,
)
from impexd.imports.describe.design import Design, Policy
from impexd.imports.describe.fit import Fit, Hints
from impexd.imports.describe.form import File
from impexd.imports.describe.keys import Key
from impexd.imports.describe.prove import Proof
from impexd.imports.describe.sheet import Sheet
from impexd.model.entity import Catalogue, Type
from impexd.model.faults import entity as entity_faults
from impexd.model.limits import Limits
from impexd.model.problem import Code

TRIES = 12
"""Most corrections of one design."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person wants of it."""

    own: bool = False
    """Declare entities for all files, whatever the catalogue has."""
    entity: str | None = None
    """The entity of the catalogue that the file fills."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Names that are taken in the configuration the texts will stand in."""

    descriptors: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Described:
    """A sample, described."""

    texts: Mapping[str, str]
    """Path below etc/ -> text."""
    designs: tuple[Design, ...]
    group: str
    passed_over: Mapping[str, str]
    """Files that nothing was made of -> why."""


async def describe(
    files: Sequence[File],
    name: str,
    catalogue: Catalogue,
    limits: Limits,
    *,
    wish: Wish = Wish(),
    taken: Taken = Taken(),
) -> Described:
    """
    Describe the files of a sample called `name`.

    Raises `DataError` if none of them can be read, `UsageError` for a wish that cannot be met.
    """
    sheets, passed_over = await _sheets(files, limits)
    draft = _Draft(sheets, catalogue, limits, wish, taken)
    designs = draft.pointed(draft.first())
    proofs: dict[str, Proof] = {}
    for n, design in enumerate(designs):
        designs[n], proofs[design.name] = await draft.proven(design)
    designs = [_policies(design, designs, proofs) for design in designs]
    group = own.numbered(filenames.slug(name, other="sample"), taken.groups)
    texts = _texts(designs, proofs, group, name, passed_over)
    check.right(texts, catalogue)
    return Described(texts, tuple(designs), group, passed_over)


async def _sheets(
    files: Sequence[File], limits: Limits
) -> tuple[list[Sheet], dict[str, str]]:
    """Sample every file; one of several that cannot be read is told, not raised."""
    sheets: list[Sheet] = []
    passed_over: dict[str, str] = {}
    for file in files:
        try:
            sheet = await look.sampled(file, limits)
        except DataError as error:
            if len(files) == 1:
                raise
            passed_over[file.name] = str(error)
            continue
        if sheet.columns:
            sheets.append(sheet)
        else:
            passed_over[file.name] = "there is nothing in it"
    if not sheets:
        told = "; ".join(f"{name}: {why}" for name, why in passed_over.items())
        raise DataError(Code.EMPTY_FILE, f"there is nothing to describe: {told}")
    return sheets, passed_over


class _Draft:
    """Designs in the making, with what they depend on."""

    def __init__(
        self, sheets: list[Sheet], catalogue: Catalogue, limits: Limits, wish: Wish, taken: Taken
    ) -> None:
        self.sheets = sheets
        self.catalogue = catalogue
        self.limits = limits
        self.wish = wish
        self.names: dict[str, str] = {}
        used = set(taken.descriptors)
        for sheet in sheets:
            base = filenames.slug(sheet.file.name, other="file")
            self.names[sheet.file.name] = own.numbered(base, used, "-")
            used.add(self.names[sheet.file.name])
        self.entities = set(catalogue)
        self.keys = {
            sheet.file.name: keys.candidates(sheet, names.subject(sheet.file.name))
            for sheet in sheets
        }

    def first(self) -> list[Design]:
        """Propose a design for every file: twice, as the second time knows what the others are."""
        if self.wish.entity is not None:
            return [self._wished(self.wish.entity)]
        guesses = self._fits(Hints(language=self._language()))
        for _ in range(2):
            known = [guess for guess in guesses.values() if guess]
            guesses = self._fits(
                Hints(self._language(), links.constants(known)), links.keys(known)
            )
        return [guesses[sheet.file.name] or self.own(sheet) for sheet in self.sheets]

    def _fits(
        self, hints: Hints, known: Mapping[str, frozenset[str]] | None = None
    ) -> dict[str, Design | None]:
        found: dict[str, Design | None] = {}
        for sheet in self.sheets:
            mine = replace(hints, owners=links.owners(sheet.columns, known or {}))
            subject = names.subject(sheet.file.name)
            catalogue = {} if self.wish.own else self.catalogue
            best, _ = fit.best(sheet, subject, catalogue, mine)
            found[sheet.file.name] = best and self._fitted(sheet, best)
        return found

    def _fitted(self, sheet: Sheet, best: Fit) -> Design:
        named = ", ".join(f"`{sheet.columns[n].source}`" for n in best.key)
        said = "unique and never empty" if sheet.rows else "there are no rows, by their names"
        fixed = "".join(f' and `{one.field}` = "{one.const}"' for one in best.fixed)
        return Design(
            sheet,
            self.names[sheet.file.name],
            best.kind,
            own=False,
            why=f"{best.why}; score {best.score:.2f}",
            key=tuple(best.key),
            key_why=f"{named}{fixed}, {said} in {sheet.said()}",
            filled=tuple(best.filled),
            fixed=tuple(best.fixed),
            left=best.left,
        )

    def _wished(self, name: str) -> Design:
        kind = self.catalogue.get(name)
        if kind is None:
            raise UsageError(f"there is no entity `{name}`", hint=", ".join(self.catalogue))
        if len(self.sheets) > 1:
            raise UsageError("one entity is for one file, and these are several")
        sheet = self.sheets[0]
        subject = names.subject(sheet.file.name)
        found = fit.one(sheet, subject, kind, self.catalogue, Hints(language=self._language()))
        if found.lacking:
            what = f"this file cannot fill `{name}`: it lacks {', '.join(found.lacking)}"
            raise UsageError(what, hint="--own declares an entity for it")
        return self._fitted(sheet, found)

    def _language(self) -> str:
        said = (one.heading.language for sheet in self.sheets for one in sheet.columns)
        return next(filter(None, said), "en")

    def own(self, sheet: Sheet, *, why: str = "") -> Design:
        """Declare an entity for a file."""
        name = self.names[sheet.file.name].replace("-", "_")
        if entity_faults.reserved(name):
            name = f"{name}_record"
        entity = own.numbered(name, self.entities)
        self.entities.add(entity)
        key = self.keys[sheet.file.name][0]
        return own.design(
            sheet,
            self.names[sheet.file.name],
            entity,
            key,
            why=why or ("asked for" if self.wish.own else "no entity of the catalogue fits well"),
        )

    def pointed(self, designs: list[Design]) -> list[Design]:
        """Find the references of own entities."""
        catalogue = {} if self.wish.own else self.catalogue
        return [
            links.pointed(design, designs, catalogue) if design.own else design
            for design in designs
        ]

    async def proven(self, design: Design) -> tuple[Design, Proof]:
        """Hold a design to its whole file, and correct it until it holds."""
        for _ in range(TRIES):
            proof = await prove.of(design, check.descriptor(design), self.limits)
            better = self._better(design, proof)
            if better is None:
                return design, proof
            design = better
        return design, proof

    def _better(self, design: Design, proof: Proof) -> Design | None:
        """Pure: the design with what was wrong put right; None if nothing was."""
        by_source = {str(design.source(one.column)): one for one in design.filled}
        for source, problem in proof.wrong.items():
            one = by_source[source]
            what = f"line {problem.line}: {kinds_told(problem.cell)} {problem.message}"
            if design.own:
                return self._loosened(design, one.column, one.field, what)
            needed = design.kind.fields[one.field]
            if one.column in design.key or not (needed.null or needed.default is not None):
                return self.own(design.sheet, why=f"`{design.kind.name}` does not fit: {what}")
            return design.without(one.column, what)
        if proof.repeated and not design.duplicates:
            what = f"the key repeats in {proof.repeated:,} of {proof.rows:,} rows"
            if not design.own:
                return self.own(design.sheet, why=f"`{design.kind.name}` does not fit: {what}")
            return self._rekeyed(design, what)
        return None

    def _loosened(self, design: Design, column: int, field: str, what: str) -> Design:
        """Pure: an own entity whose field takes any text."""
        into = design.kind.fields[field]
        in_key = column in design.key
        if in_key and into.type is Type.TEXT and into.max is None:
            return self._rekeyed(design, what)
        plain = into.model_copy(update={"type": Type.TEXT, "max": None, "scale": None})
        kind = replace(design.kind, fields={**design.kind.fields, field: plain})
        filled = tuple(
            replace(one, keys={}) if one.column == column else one for one in design.filled
        )
        evidence = {**design.evidence, field: f"any text, as of {what}"}
        return replace(design, kind=kind, filled=filled, evidence=evidence)

    def _rekeyed(self, design: Design, what: str) -> Design:
        """Try the next key; when there is none, the last row of each key wins."""
        left = [key for key in self.keys[design.sheet.file.name] if key.columns != design.key]
        self.keys[design.sheet.file.name] = left
        if left:
            again = left[0]
        else:
            again = Key(design.key, f"{design.key_why}; {what}", sure=False)
        fresh = own.design(
            design.sheet, design.name, design.kind.name, again, why=design.why
        )
        return links.pointed(fresh, [fresh], {} if self.wish.own else self.catalogue)


def kinds_told(cell: str | None) -> str:
    """Pure: a cell as it is told."""
    return f'"{cell}"' if cell else "an empty cell:"


def _policies(
    design: Design, designs: Sequence[Design], proofs: Mapping[str, Proof]
) -> Design:
    """Say what becomes of rows whose reference no file of the sample brings."""
    policies: dict[str, Policy] = {}
    mine = proofs[design.name]
    for one in [*design.filled, *design.fixed]:
        target = design.kind.fields[one.field].ref
        if target is None:
            continue
        bringing = [other for other in designs if other.kind.name == target]
        brought = set[int]().union(*(proofs[other.name].keys for other in bringing))
        points = mine.points.get(one.field, {})
        lacking = [text for at, text in points.items() if at not in brought]
        policies[one.field] = _policy(target, bringing, len(points), lacking, full=mine.full)
    return replace(design, policies=policies)


def _policy(
    target: str, bringing: Sequence[Design], many: int, lacking: Sequence[str], *, full: bool
) -> Policy:
    """Pure: reject what is missing only if nothing of the sample is."""
    where = ", ".join(f"{one.sheet.file.name}" for one in bringing)
    if not bringing:
        return Policy("keep", f"no file of the sample brings `{target}`: rows are loaded all the same")
    if full:
        return Policy("keep", "there are too many to compare")
    if lacking:
        from_which = f'{len(lacking):,} of {many:,} are not in {where}, like "{lacking[0]}"'
        return Policy("keep", f'{from_which}; "reject" or "park" would be stricter')
    return Policy("", f"rejects the row; all {many:,} different ones are in {where}")


def _texts(
    designs: Sequence[Design],
    proofs: Mapping[str, Proof],
    group: str,
    name: str,
    passed_over: Mapping[str, str],
) -> dict[str, str]:
    """Write the files."""
    texts: dict[str, str] = {}
    patterns = filenames.patterns([design.sheet.file.name for design in designs])
    for design, pattern in zip(designs, patterns, strict=True):
        if design.own:
            texts[f"entities/{design.kind.name}.toml"] = toml.entity(design)
        notes = _notes(proofs[design.name])
        texts[f"descriptors/{design.name}.toml"] = toml.descriptor(design, pattern, notes)
    order = [design.name for design in check.ordered(designs)]
    notes = [f"Nothing was made of {file}: {why}" for file, why in passed_over.items()]
    texts[f"groups/{group}.toml"] = toml.group(group, filenames.label(name), order, notes)
    return texts


def _notes(proof: Proof) -> list[str]:
    said = "" if proof.whole else "the first "
    notes = [f"Held to {said}{proof.rows:,} rows by the import's own conversion."]
    if proof.unreadable:
        first = proof.malformed[0]
        told = f"line {first.line}: {first.message}"
        notes.append(f"{proof.unreadable:,} rows cannot be read and are rejected; the first is {told}")
    return notes
