"""The drills of `reload_drill` and `stop_drill`, small."""

from pathlib import Path

from tests.crash import busy, reload_drill, stop_drill


def test_reloads_while_everything_goes_on_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    found = reload_drill.play(tmp_path, 20, pause=0.2)
    assert {name: found[name] for name in busy.WRONG} == dict.fromkeys(busy.WRONG, 0)
    assert found["differences"] == 0
    assert found["hashes_unknown"] == found["hashes_before_their_time"] == 0
    assert found["hashes_used"] > 1
    assert found["asked_again"] == {}


def test_a_stop_at_any_moment_is_well_and_in_time_and_the_next_start_finishes(
    tmp_path: Path,
) -> None:
    found = stop_drill.play(tmp_path, 5, rows=500)
    assert {name: found[name] for name in stop_drill.WRONG} == dict.fromkeys(stop_drill.WRONG, 0)
    assert set(found["stops"]) == {*stop_drill.KINDS, "nothing"}
