"""
Correct a design until it loads its whole file.

What the conversion refuses decides: a field of an own entity takes any text instead, a column that
fills an entity of the catalogue is left out, and if that cannot be, or the key repeats, the next
key or an entity of its own is tried.
"""

from dataclasses import replace

from impexd.core.text import shown
from impexd.imports.describe import check, prove
from impexd.imports.describe.design import Design
from impexd.imports.describe.propose import Proposals
from impexd.imports.describe.prove import Proof
from impexd.model.entity import Type
from impexd.model.limits import Limits
from impexd.model.problem import Problem

TRIES = 20
"""Most corrections of one design: a column of each is put right at a time."""


async def proven(design: Design, proposals: Proposals, limits: Limits) -> tuple[Design, Proof]:
    """Hold a design to its whole file, and correct it until it holds."""
    proof = await prove.of(design, check.descriptor(design), limits)
    for _ in range(TRIES):
        better = _better(design, proof, proposals)
        if better is None:
            break
        design = better
        proof = await prove.of(design, check.descriptor(design), limits)
    return design, proof


def _better(design: Design, proof: Proof, proposals: Proposals) -> Design | None:
    """The design with what is wrong put right; None if nothing is."""
    by_source = {str(design.source(one.column)): one for one in design.filled}
    better = design
    for source, problem in proof.wrong.items():
        one, what = by_source[source], _told(problem)
        into = design.kind.fields[one.field]
        if design.own and one.column in design.key and into.type is Type.TEXT and not into.max:
            return proposals.rekeyed(design, what)
        if design.own:
            better = _loosened(better, one.column, one.field, what)
        elif one.column in design.key or not (into.null or into.default is not None):
            return proposals.own(design.sheet, why=f"{design.kind.name} does not fit, {what}")
        else:
            better = better.without(one.column, what)
    if better is design and proof.repeated and not design.duplicates:
        what = f"the key repeats in {proof.repeated:,} of {proof.rows:,} rows"
        if design.own:
            return proposals.rekeyed(design, what)
        return proposals.own(design.sheet, why=f"{design.kind.name} does not fit, {what}")
    return None if better is design else better


def _told(problem: Problem) -> str:
    cell = f'"{shown(problem.cell, limit=40)}"' if problem.cell else "an empty cell"
    return f"line {problem.line} has {cell}: {problem.message}"


def _loosened(design: Design, column: int, field: str, what: str) -> Design:
    """Pure: an own entity whose field takes any text."""
    into = design.kind.fields[field]
    plain = into.model_copy(update={"type": Type.TEXT, "max": None, "scale": None})
    kind = replace(design.kind, fields={**design.kind.fields, field: plain})
    filled = tuple(replace(one, keys={}) if one.column == column else one for one in design.filled)
    evidence = {**design.evidence, field: f"any text, as {what}"}
    later = {**design.later, column: what}
    return replace(design, kind=kind, filled=filled, evidence=evidence, later=later)
