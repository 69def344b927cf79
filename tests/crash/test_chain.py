"""The drill of `chain_drill`, small: partners told once each through kill -9 of the daemon."""

from pathlib import Path

from tests.crash import chain_drill


def test_through_kill_9_each_event_takes_effect_once_where_keys_are_honoured(
    tmp_path: Path,
) -> None:
    found = chain_drill.play(tmp_path, 40, keys=True, seed_=3, lives=0.4)
    assert found["kills"] >= 2
    wrong = ("missing", "doubled", "conflicts", "changed_bodies", "changed_keys", "held")
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert found["effects"] == found["done"] == found["next_flags"] == found["files"] == 40


def test_where_keys_are_not_honoured_exactly_the_unknown_ones_are_held(tmp_path: Path) -> None:
    found = chain_drill.play(tmp_path, 40, keys=False, seed_=4, lives=0.4)
    wrong = ("missing", "doubled", "changed_bodies", "changed_keys", "held_known")
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert found["held"] > 0
    assert found["done"] + found["held"] == 40
    assert found["next_flags"] == found["files"] == found["done"]
