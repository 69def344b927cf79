"""
Guards: is a plan within what the group allows without a person?

Pure.  A bound is a count, or a share of what it is measured against (`"30 %"`): rejects and
changes against the rows read, deletions against the rows that would be left as they are plus
those touched.
"""

from decimal import Decimal

from impexd.imports.order import Counts, Planned
from impexd.model.group import Bound, Guard


def total(planned: Planned) -> Counts:
    """Pure: all parts of a plan added up."""
    names = Counts.model_fields
    return Counts(
        **{name: sum(getattr(part.counts, name) for part in planned.parts) for name in names}
    )


def outside(planned: Planned, guard: Guard) -> list[str]:
    """Pure: why a plan must wait for a person, in words; empty if it need not."""
    sums = total(planned)
    changed = sums.inserted + sums.updated + sums.deleted
    reasons = []
    for bound, count, base, what in (
        (guard.max_deletes, sums.deleted, sums.read, "would be deleted"),
        (guard.max_changes, changed, sums.read, "would be changed"),
        (guard.max_rejects, sums.rejected, sums.read, "were rejected"),
    ):
        if bound is not None and count > allowed(bound, base):
            reasons.append(f"{count:,} records {what}; the group allows {bound}")
    if guard.min_rows is not None and sums.read < allowed(guard.min_rows, sums.read):
        reasons.append(f"{sums.read:,} rows came; the group expects at least {guard.min_rows}")
    return reasons


def allowed(bound: Bound, base: int) -> Decimal:
    """Pure: a bound as a number of rows."""
    if isinstance(bound, int):
        return Decimal(bound)
    number = bound.rstrip(" %")
    return Decimal(number) * base / 100 if "%" in bound else Decimal(number)
