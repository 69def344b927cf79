"""
What becomes of rows whose reference nobody brings, as far as a sample can tell.

Pure.  Only where the sample brings everything that is pointed at is a row without it rejected;
elsewhere the parent may be in the tables already, or come by another way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from impexd.imports.describe.design import Design, Policy
from impexd.imports.describe.prove import Proof, hashed


def of(design: Design, designs: Sequence[Design], proofs: Mapping[str, Proof]) -> Design:
    """Pure: a design with a policy for each of its references."""
    policies: dict[str, Policy] = {}
    mine = proofs[design.name]
    fixed = {one.field: {hashed(one.const): one.const} for one in design.fixed}
    for field in dict.fromkeys([*fixed, *(one.field for one in design.filled)]):
        target = design.kind.fields[field].ref
        if target is None:
            continue
        bringing = [other for other in designs if other.kind.name == target]
        brought = set[int]().union(*(proofs[other.name].keys for other in bringing))
        points = fixed.get(field) or mine.points.get(field, {})
        lacking = [text for at, text in points.items() if at not in brought]
        full = mine.full or any(proofs[other.name].full for other in bringing)
        policies[field] = _policy(target, bringing, len(points), lacking, full=full)
    return replace(design, policies=policies)


def _policy(
    target: str, bringing: Sequence[Design], many: int, lacking: Sequence[str], *, full: bool
) -> Policy:
    where = ", ".join(one.sheet.file.name for one in bringing)
    if not bringing:
        return Policy(
            "keep", f"no file of the sample brings `{target}`, so rows are loaded as they are"
        )
    if full:
        return Policy("keep", f"there are too many to compare with {where}")
    if lacking:
        some = f'{len(lacking):,} of {many:,} are not in {where}, like "{lacking[0]}"'
        return Policy("keep", f'{some}; stricter would be "reject", or "park" until they come')
    return Policy("", f"a row without it is rejected; all {many:,} different ones are in {where}")
