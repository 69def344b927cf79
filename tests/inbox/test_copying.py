"""Inboxes whose files are copied instead of renamed."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from impexd.inbox import carry, copying
from impexd.inbox.carry import Claim
from impexd.model.group import Inbox
from impexd.model.problem import Code
from tests.inbox.conftest import Place

pytestmark = pytest.mark.parametrize("rules", [Inbox(settle=0, copy=True)], ids=["copy"])

ELSEWHERE = Path("/dev/shm")  # a file system of its own on Linux


@pytest.fixture
def elsewhere(place: Place) -> Iterator[Place]:
    """The same, with its inbox on another device."""
    inbox = ELSEWHERE / f"impexd-test-{os.getpid()}"
    inbox.mkdir()
    assert inbox.stat().st_dev != place.var.stat().st_dev
    rules = Inbox(settle=0)
    yield replace(place, inlet=replace(place.inlet, path=inbox, rules=rules))
    for left in inbox.iterdir():
        left.unlink()
    inbox.rmdir()


async def test_a_copied_file_is_a_run_and_its_original_is_gone(both: Place) -> None:
    both.drop("a.csv", b"rows")
    both.drop("a.csv.ready", b"")
    assert (await both.take()).claimed == both.jobs == [1]
    rows = await both.runs()
    assert both.bytes_of(1, rows) == b"rows"
    assert both.names("inbox") == []
    assert both.names("work") == [rows[0]["token"]]


async def test_another_device_is_copied_from_without_being_told(elsewhere: Place) -> None:
    elsewhere.drop("a.csv", b"rows")
    assert (await elsewhere.take()).claimed == [1]
    assert list(elsewhere.inbox.iterdir()) == []
    assert elsewhere.bytes_of(1, await elsewhere.runs()) == b"rows"


async def test_a_refused_file_of_another_device_stays_and_is_refused_once(
    elsewhere: Place,
) -> None:
    elsewhere.drop("a.csv", b"")
    assert (await elsewhere.take()).refused[1].code == Code.EMPTY_FILE
    assert (await elsewhere.take()).refused == {}
    elsewhere.desk.watched.clear()
    assert (await elsewhere.take()).refused == {}
    assert [path.name for path in elsewhere.inbox.iterdir()] == ["a.csv"]
    assert await elsewhere.states() == [("a.csv", "failed")]
    elsewhere.drop("a.csv", b"now with rows")
    assert (await elsewhere.take()).claimed == [2]


async def test_a_refused_file_of_our_own_device_is_moved_away(place: Place) -> None:
    place.drop("a.csv", b"")
    place.drop("b.csv", b"rows")
    taken = await place.take()
    assert taken.refused[1].code == Code.EMPTY_FILE
    assert taken.claimed == [2]
    assert place.drops("failed") == ["2026-01-31/000001/a.csv"]


async def test_a_second_name_of_the_file_does_no_harm(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"rows")
    (place.inbox / "a.csv").hardlink_to(tmp_path / "other")
    assert (await place.take()).claimed == [1]
    (tmp_path / "other").write_bytes(b"evil")
    assert place.bytes_of(1, await place.runs()) == b"rows"


async def test_an_original_that_changes_while_it_is_copied_is_left_for_the_next_pass(
    place: Place,
) -> None:
    path = place.drop("a.csv", b"rows")
    really = carry.durable.copy  # type: ignore[attr-defined]

    def late(*args: object, **kwargs: object) -> object:
        found = really(*args, **kwargs)
        if path.read_bytes() == b"rows":
            path.write_bytes(b"other rows")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carry.durable, "copy", late)  # type: ignore[attr-defined]
        assert (await place.take()).claimed == []
    assert place.names("work") == []
    assert (await place.take()).claimed == [2]
    assert place.bytes_of(2, await place.runs()) == b"other rows"


async def test_a_run_is_not_imported_before_its_original_is_gone(place: Place) -> None:
    place.drop("a.csv", b"rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying.carry, "let_go", lambda _inbox, claims: {c.run: "no" for c in claims})
        taken = await place.take()
        assert (taken.claimed, place.jobs) == ([], [])
        assert (await place.take()).claimed == []
    assert await place.states() == [("a.csv", "claiming")]
    assert (await place.take()).claimed == [1]
    assert place.names("inbox") == []


async def test_a_newer_file_in_the_place_of_the_original_is_left_alone(place: Place) -> None:
    place.drop("a.csv", b"rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying.carry, "let_go", lambda _inbox, claims: {c.run: "no" for c in claims})
        await place.take()
    (place.inbox / "a.csv").unlink()
    place.drop("a.csv", b"newer rows")
    assert (await place.take()).claimed == [1, 2]
    rows = await place.runs()
    assert [place.bytes_of(id, rows) for id in (1, 2)] == [b"rows", b"newer rows"]


def test_the_draft_of_a_copy_has_another_name_than_its_bytes(rules: Inbox) -> None:
    claim = Claim(1, "ab", seen=None)  # type: ignore[arg-type]
    assert (rules.copy_mode, claim.own, claim.draft) == (True, b"ab", b"ab.part")
