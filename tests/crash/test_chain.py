"""The drill of `chain_drill`, small: partners told once each through kill -9 of the daemon."""

from pathlib import Path

from tests.crash import chain_drill

ORDERS = 12
WRONG = ("missing", "doubled", "changed_bodies", "strange_keys", "held_known")


def test_through_kill_9_each_event_takes_effect_once_where_keys_are_honoured(
    tmp_path: Path,
) -> None:
    found = chain_drill.play(tmp_path, ORDERS, keys=True, seed_=3, lives=2.0)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert found["held"] == found["held_half"]
    assert found["done"] + found["held"] == ORDERS
    assert found["next_flags"] == found["files"] == found["done"]


def test_where_keys_are_not_honoured_exactly_the_unknown_ones_are_held(tmp_path: Path) -> None:
    found = chain_drill.play(tmp_path, ORDERS, keys=False, seed_=4, lives=2.0)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert found["done"] + found["held"] == ORDERS
    assert found["next_flags"] == found["files"] == found["done"]
