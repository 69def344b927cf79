"""
Describe a sample: look, propose, prove, write.

Takes the files of a sample and the catalogue; gives the texts of a configuration that loads them.
Every guess is held to the whole file by the import's own conversion and corrected where it does
not hold, so what is given has been tried.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from impexd.core.errors import DataError
from impexd.imports.describe import check, correct, filenames, look, own, policies, toml
from impexd.imports.describe.design import Design
from impexd.imports.describe.form import File
from impexd.imports.describe.propose import Proposals, Taken, Wish
from impexd.imports.describe.prove import Proof
from impexd.imports.describe.sheet import Sheet
from impexd.model.entity import Catalogue
from impexd.model.limits import Limits
from impexd.model.problem import Code

ANY = Wish()
FREE = Taken()


@dataclass(frozen=True, slots=True)
class Described:
    """A sample, described."""

    texts: Mapping[str, str]
    """Path below etc/ -> text."""
    designs: tuple[Design, ...]
    rows: Mapping[str, int]
    """Descriptor -> rows of its file that were tried."""
    group: str
    passed_over: Mapping[str, str]
    """Files that nothing was made of -> why."""
    doubts: Mapping[str, tuple[str, ...]]
    """Descriptor -> what of its rows would not be loaded, in words."""


async def describe(
    files: Sequence[File],
    name: str,
    catalogue: Catalogue,
    limits: Limits,
    *,
    wish: Wish = ANY,
    taken: Taken = FREE,
) -> Described:
    """
    Describe the files of a sample called `name`.

    Raises `DataError` if none of them can be read, `UsageError` for a wish that cannot be met.
    """
    sheets, passed_over = await _sheets(files, limits)
    proposals = Proposals(sheets, catalogue, wish, taken)
    designs: list[Design] = []
    proofs: dict[str, Proof] = {}
    for proposed in proposals.all():
        design, proofs[proposed.name] = await correct.proven(proposed, proposals, limits)
        designs.append(design)
    designs = [policies.of(design, designs, proofs) for design in designs]
    group = own.numbered(filenames.slug(name, other="sample"), taken.groups, "-")
    texts = _texts(designs, proofs, group, name, passed_over)
    check.right(texts, catalogue)
    rows = {name: proof.rows for name, proof in proofs.items()}
    doubts = {design.name: tuple(_doubts(design, proofs[design.name])) for design in designs}
    return Described(texts, tuple(designs), rows, group, passed_over, doubts)


async def _sheets(files: Sequence[File], limits: Limits) -> tuple[list[Sheet], dict[str, str]]:
    """Sample every file; of several, one that cannot be read is told and not raised."""
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


def _doubts(design: Design, proof: Proof) -> Iterator[str]:
    """Pure: what a person should know before this is loaded."""
    if proof.unreadable:
        yield _unreadable(proof)
    if proof.repeated and design.duplicates:
        named = " + ".join(map(str, design.named()))
        yield (
            f"{proof.repeated:,} of {proof.rows:,} rows have the key of another one, and only the"
            f" last of each is loaded: is {named} the key?"
        )


def _unreadable(proof: Proof) -> str:
    first = proof.malformed[0]
    told = f"line {first.line}: {first.message}"
    return f"{proof.unreadable:,} cannot be read and are rejected, {told}"


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
    told = [f"Nothing was made of {file}: {why}" for file, why in passed_over.items()]
    texts[f"groups/{group}.toml"] = toml.group(group, filenames.label(name), order, told)
    return texts


def _notes(proof: Proof) -> list[str]:
    said = f"{proof.rows:,} rows" if proof.whole else f"the first {proof.rows:,} rows"
    if proof.unreadable:
        return [f"Tried on {said}: {_unreadable(proof)}"]
    return [f"Tried by the import's own conversion on {said}: none of them would be rejected."]
