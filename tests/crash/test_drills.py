"""The drills of `reload_drill` and `stop_drill`, small."""

from pathlib import Path

from tests.crash import busy, reload_drill


def test_reloads_while_everything_goes_on_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    found = reload_drill.play(tmp_path, 20, pause=0.2)
    assert {name: found[name] for name in busy.WRONG} == dict.fromkeys(busy.WRONG, 0)
    assert found["differences"] == 0
    assert found["hashes_unknown"] == found["hashes_before_their_time"] == 0
    assert found["hashes_used"] > 1
    assert found["asked_again"] == {}
