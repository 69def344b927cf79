"""
Guards: is a plan within what the group allows without a person?

Pure.  A bound is a count, or a share (`"30 %"`).  Shares of deletions and changes are of the
records an entity had before, and mean nothing for an empty table; shares of rejects are of the
rows read; a share as `min_rows` is of the records an entity had before.  Each entity is looked
at by itself, so that a large one does not hide what happens to a small one.
"""

from decimal import Decimal

from impexd.imports.order import Counts, PartResult, Planned
from impexd.imports.sheets import CREATED
from impexd.model.descriptor import Mode
from impexd.model.group import Bound, Guard


def total(planned: Planned) -> Counts:
    """Pure: all parts of a plan added up."""
    return _sum([part.counts for part in planned.parts])


def outside(planned: Planned, guard: Guard) -> list[str]:
    """Pure: why a plan must wait for a person, in words; empty if it need not."""
    reasons = []
    for entity in dict.fromkeys(part.entity for part in planned.parts):
        parts = [part for part in planned.parts if part.entity == entity]
        live = planned.live.get(entity, 0)
        reasons += _entity(entity, _sum([part.counts for part in parts]), live, guard)
        reasons += _few(entity, parts, live, guard.min_rows)
    for moved in planned.moved:
        reasons.append(
            f"{moved.count:,} values of {moved.field} would move by more than"
            f" {guard.max_change[moved.field]}, such as {moved.key}: {moved.old} -> {moved.new}"
        )
    return reasons


def for_rows(guard: Guard) -> Guard:
    """Pure: the guards that mean something where some rows come, and not a whole file."""
    return guard.model_copy(update={"min_rows": None, "max_rejects": None})


def _entity(entity: str, counts: Counts, live: int, guard: Guard) -> list[str]:
    changed = counts.inserted + counts.updated + counts.deleted
    reasons = []
    for bound, count, base, what in (
        (guard.max_deletes, counts.deleted, live, f"of {live:,} records would be deleted"),
        (guard.max_changes, changed, live, f"records would change, where there are {live:,} now"),
        (guard.max_rejects, counts.rejected, counts.read, f"of {counts.read:,} rows are rejected"),
    ):
        if bound is not None and count and _over(count, bound, base):
            reasons.append(f"{entity}: {count:,} {what}; the group allows {bound}")
    return reasons


def _few(entity: str, parts: list[PartResult], live: int, least: Bound | None) -> list[str]:
    """Pure: too few rows came.  A list of what is to go, and parents that are made, are no share."""
    share = isinstance(least, str) and "%" in least
    whole = [part for part in parts if part.record < CREATED]
    if share:
        whole = [part for part in whole if part.mode != Mode.DELETE]
    read = sum(part.counts.read for part in whole)
    if least is None or not whole or read >= allowed(least, live):
        return []
    return [
        f"{entity}: {read:,} rows came, where there are {live:,} records now;"
        f" the group expects at least {least}"
    ]


def _over(count: int, bound: Bound, base: int) -> bool:
    """Pure: is a count over its bound?  A share of nothing is no bound."""
    if isinstance(bound, str) and "%" in bound and not base:
        return False
    return count > allowed(bound, base)


def allowed(bound: Bound, base: int) -> Decimal:
    """Pure: a bound as a number of rows."""
    if isinstance(bound, int):
        return Decimal(bound)
    number = bound.rstrip(" %")
    return Decimal(number) * base / 100 if "%" in bound else Decimal(number)


def _sum(counts: list[Counts]) -> Counts:
    return Counts(
        **{name: sum(getattr(one, name) for one in counts) for name in Counts.model_fields}
    )
