"""Guards: which plans wait for a person, and what the person is told."""

import pytest

from impexd.imports import guard
from impexd.imports.order import Counts, Moved, PartResult, Planned
from impexd.model.group import Guard


def planned(live: int = 100, moved: tuple[Moved, ...] = (), **counts: int) -> Planned:
    part = PartResult(
        n=0,
        member="prices.csv",
        descriptor="prices",
        record=0,
        entity="price",
        mode="merge",
        state="planned",
        counts=Counts(**counts),
        problems=0,
    )
    return Planned(
        descriptors=("prices",),
        parts=(part,),
        problems=(),
        told=0,
        live={"price": live},
        moved=moved,
    )


CASES = [
    ({"max_deletes": 5}, {"read": 9, "deleted": 5}, 100, False),
    ({"max_deletes": 5}, {"read": 9, "deleted": 6}, 100, True),
    ({"max_deletes": "10 %"}, {"read": 9, "deleted": 10}, 100, False),
    ({"max_deletes": "10 %"}, {"read": 9, "deleted": 11}, 100, True),
    ({"max_deletes": 0}, {"read": 9}, 100, False),
    ({"max_changes": "50%"}, {"read": 60, "updated": 30, "inserted": 30}, 100, True),
    ({"max_changes": "50%"}, {"read": 60, "inserted": 60}, 0, False),
    ({"max_changes": 10}, {"read": 60, "inserted": 60}, 0, True),
    ({"max_rejects": "20 %"}, {"read": 10, "rejected": 2}, 0, False),
    ({"max_rejects": "20 %"}, {"read": 10, "rejected": 3}, 0, True),
    ({"min_rows": 10}, {"read": 9}, 0, True),
    ({"min_rows": "50 %"}, {"read": 49}, 100, True),
    ({"min_rows": "50 %"}, {"read": 50}, 100, False),
    ({"min_rows": "50 %"}, {"read": 0}, 0, False),
    ({"min_rows": "0.5 %"}, {"read": 0}, 100, True),
    ({}, {"read": 10, "rejected": 10, "deleted": 10}, 10, False),
]


@pytest.mark.parametrize(("bounds", "counts", "live", "held"), CASES)
def test_a_plan_outside_a_bound_is_held(
    bounds: dict[str, object], counts: dict[str, int], live: int, held: bool
) -> None:
    reasons = guard.outside(planned(live, **counts), Guard.model_validate(bounds))
    assert bool(reasons) is held


def test_the_reason_names_entity_numbers_and_bound() -> None:
    (reason,) = guard.outside(planned(1000, read=9, deleted=400), Guard(max_deletes="10 %"))
    assert reason == "price: 400 of 1,000 records would be deleted; the group allows 10 %"


def test_a_number_that_moves_too_far_is_told_with_an_example() -> None:
    moved = Moved(field="price.list", count=855, key='["A1"]', old="12.5", new="0")
    bounds = Guard(max_change={"price.list": "30 %"})
    (reason,) = guard.outside(planned(100, (moved,), read=855, updated=855), bounds)
    assert reason == (
        '855 values of price.list would move by more than 30 %, such as ["A1"]: 12.5 -> 0'
    )
