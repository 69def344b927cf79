"""What a run did is taken back, record by record, on both engines; what others did since stays."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impexd.core.errors import UsageError
from impexd.model.descriptor import Mode
from impexd.store import images, undo
from impexd.store.engine import Store
from tests.store.loading import BRAND, CATALOGUE, ITEM, House, Record, Some, items

ONE = ("a", "en", "Apple", "1.50", "2026-01-31", '{"x":[1]}')
TWO = ("b", "en", "Böll 'n' :co", "0.1", None, None)
SIX = ("f", "de", None, None, "1999-12-31", "null")


@pytest.fixture
async def house(store: Store, tmp_path: Path) -> House:
    """A store with two entities and nothing in them."""
    return await House(store, tmp_path).made()


def changed(record: Record, **fields: object) -> Record:
    """A record with some fields said otherwise."""
    return tuple(fields.get(name, value) for name, value in zip(ITEM.fields, record, strict=True))


# one run


async def test_what_a_run_inserted_goes(house: House) -> None:
    run = await house.load(items(ONE, TWO))
    undoing, done = await house.undo(run)
    assert await house.rows() == []
    assert done.counts["item"]["deleted"] == 2
    assert await house.states() == {run: "undone", undoing: "archived"}
    assert [json.loads(key) for _, key, _ in await house.graves()] == [["a", "en"], ["b", "en"]]


async def test_what_a_run_updated_has_its_old_values_and_its_old_provenance(house: House) -> None:
    await house.load(items(ONE, TWO, SIX))
    before = await house.dump()
    run = await house.load(items(changed(ONE, name="x", price=None), changed(SIX, more='{"a":1}')))
    _, done = await house.undo(run)
    assert await house.dump() == before
    assert done.counts["item"] == {
        "read": 2,
        "inserted": 0,
        "updated": 2,
        "unchanged": 0,
        "deleted": 0,
        "rejected": 0,
    }


async def test_what_a_run_deleted_comes_back_with_all_its_fields(house: House) -> None:
    await house.load(items(ONE, TWO, SIX))
    before = await house.dump()
    run = await house.load(items(ONE[:2], SIX[:2], mode=Mode.DELETE))
    assert len(await house.graves()) == 2
    _, done = await house.undo(run)
    assert await house.dump() == before
    assert await house.graves() == []
    assert done.counts["item"]["inserted"] == 2


async def test_an_undo_touches_every_entity_of_its_run(house: House) -> None:
    await house.load(Some(BRAND, [("A", 1)]))
    run = await house.load(Some(BRAND, [("A", 2), ("B", 3)]), items(ONE))
    _, done = await house.undo(run)
    assert await house.rows(BRAND) == [("A", "1")]
    assert await house.rows() == []
    assert {name: counts["read"] for name, counts in done.counts.items()} == {"brand": 2, "item": 1}


async def test_records_an_undo_touches_have_a_new_change_number(house: House) -> None:
    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x")))
    await house.undo(run)
    numbers = await house.ask("SELECT code, _seq FROM item ORDER BY code")
    assert numbers == [("a", 3), ("b", 1)]
    assert await house.ask("SELECT value FROM counter WHERE name = 'entity.item'") == [(3,)]


# a record that one run changes twice


async def test_a_record_changed_twice_by_a_run_has_its_values_from_before_it(house: House) -> None:
    await house.load(items(ONE))
    before = await house.dump()
    run = await house.load(
        items(changed(ONE, name="x")), items(changed(ONE, name="y")), items(changed(ONE, name="z"))
    )
    assert (await house.rows())[0][2] == "z"
    await house.undo(run)
    assert await house.dump() == before


async def test_a_record_inserted_and_changed_by_a_run_goes(house: House) -> None:
    run = await house.load(items(ONE), items(changed(ONE, name="y")))
    await house.undo(run)
    assert await house.rows() == []


async def test_a_record_inserted_and_deleted_by_a_run_is_not_there_after_its_undo(
    house: House,
) -> None:
    run = await house.load(items(ONE, TWO), items(ONE[:2], mode=Mode.DELETE))
    assert [row[0] for row in await house.rows()] == ["b"]
    undoing, done = await house.undo(run)
    assert (await house.rows(), done.problems) == ([], 0)
    await house.undo(undoing)
    assert [row[0] for row in await house.rows()] == ["b"]


async def test_a_record_deleted_and_inserted_by_a_run_is_as_it_was(house: House) -> None:
    await house.load(items(ONE))
    before = await house.dump()
    run = await house.load(items(ONE[:2], mode=Mode.DELETE), items(changed(ONE, name="new")))
    assert (await house.rows())[0][2] == "new"
    await house.undo(run)
    assert await house.dump() == before
    assert await house.graves() == []


async def test_a_record_changed_and_deleted_by_a_run_comes_back_as_it_was(house: House) -> None:
    await house.load(items(ONE))
    before = await house.dump()
    run = await house.load(items(changed(ONE, name="x")), items(ONE[:2], mode=Mode.DELETE))
    assert await house.rows() == []
    await house.undo(run)
    assert await house.dump() == before


# what others changed since


async def test_a_record_changed_since_is_kept_and_listed(house: House) -> None:
    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x"), changed(TWO, name="x"), SIX))
    later = await house.load(items(changed(ONE, name="later"), changed(SIX, name="later")))
    _, done = await house.undo(run)
    assert [(row[0], row[2]) for row in await house.rows()] == [
        ("a", "later"),
        ("b", TWO[2]),
        ("f", "later"),
    ]
    assert done.counts["item"]["rejected"] == 2
    assert [(json.loads(kept.key), kept.why, kept.by) for kept in done.kept] == [
        (["a", "en"], "changed", later),
        (["f", "de"], "changed", later),
    ]
    assert undo.problem(done.kept[0], 0)["message"] == (
        f"item {done.kept[0].key} is kept: changed since by run {later}"
    )
    listed = await house.ask("SELECT code, message FROM problem ORDER BY id")
    assert [code for code, _ in listed] == ["changed_since"] * 2


async def test_a_record_deleted_since_stays_deleted_and_is_listed(house: House) -> None:
    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x"), changed(TWO, name="x")))
    later = await house.load(items(ONE[:2], mode=Mode.DELETE))
    _, done = await house.undo(run)
    assert [row[0] for row in await house.rows()] == ["b"]
    assert [(kept.why, kept.by) for kept in done.kept] == [("gone", later)]


async def test_a_deleted_record_that_lives_again_is_kept_and_listed(house: House) -> None:
    await house.load(items(ONE))
    run = await house.load(items(ONE[:2], mode=Mode.DELETE))
    later = await house.load(items(changed(ONE, name="again")))
    _, done = await house.undo(run)
    assert [row[2] for row in await house.rows()] == ["again"]
    assert [(kept.why, kept.by) for kept in done.kept] == [("changed", later)]


async def test_a_deleted_record_that_came_and_went_again_is_kept_and_listed(house: House) -> None:
    await house.load(items(ONE))
    run = await house.load(items(ONE[:2], mode=Mode.DELETE))
    await house.load(items(changed(ONE, name="again")))
    later = await house.load(items(ONE[:2], mode=Mode.DELETE))
    _, done = await house.undo(run)
    assert await house.rows() == []
    assert [(kept.why, kept.by) for kept in done.kept] == [("gone", later)]


async def test_an_inserted_record_that_is_gone_is_no_matter(house: House) -> None:
    run = await house.load(items(ONE, TWO))
    await house.load(items(ONE[:2], mode=Mode.DELETE))
    _, done = await house.undo(run)
    assert await house.rows() == []
    assert done.counts["item"]["deleted"] == 1
    assert done.problems == 0


async def test_a_record_that_was_never_ours_is_as_it_was_and_can_be_undone_again(
    house: House,
) -> None:
    async with house.store.writing() as tx:
        await tx.exec_driver_sql("INSERT INTO item (code, lang, name) VALUES ('a', 'en', 'old')")
    run = await house.load(items(ONE))
    undoing, done = await house.undo(run)
    assert done.counts["item"]["updated"] == 1
    assert (await house.dump())[0][:3] == ("a", "en", "old")
    await house.undo(undoing)
    assert (await house.rows())[0][2] == "Apple"


async def test_many_kept_records_are_all_counted_and_some_of_them_listed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "LISTED", 3)
    many = [changed(ONE, code=f"{n:02d}") for n in range(7)]
    run = await house.load(items(*many))
    await house.load(items(*(changed(one, name="x") for one in many)))
    _, done = await house.undo(run)
    assert (done.problems, len(done.kept)) == (7, 3)
    assert await house.ask("SELECT COUNT(*) FROM problem") == [(3,)]


# runs that build on each other


async def test_runs_undone_from_the_last_to_the_first_pass_through_every_state(
    house: House,
) -> None:
    found, states = [], []
    for some in (
        items(ONE, TWO),
        items(changed(ONE, name="x"), SIX, mode=Mode.REPLACE),
        items(changed(ONE, name="y"), TWO, SIX),
        items(TWO[:2], SIX[:2], mode=Mode.DELETE),
        items(changed(TWO, price="7"), mode=Mode.REPLACE),
    ):
        states.append((await house.dump(), await house.graves()))
        found.append(await house.load(some))
    for run, (rows, graves) in zip(found[::-1], states[::-1], strict=True):
        _, done = await house.undo(run)
        assert done.problems == 0
        assert await house.dump() == rows
        ours = {key for _, key, _ in graves}
        assert [one for one in await house.graves() if one[1] in ours] == graves


async def test_a_run_is_undone_wholly_once_the_later_one_is(house: House) -> None:
    await house.load(items(ONE))
    before = await house.dump()
    run = await house.load(items(changed(ONE, name="x")))
    later = await house.load(items(changed(ONE, name="y")))
    await house.undo(later)
    _, done = await house.undo(run)
    assert done.problems == 0
    assert await house.dump() == before


async def test_undo_of_an_undo_brings_everything_back(house: House) -> None:
    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x"), SIX, mode=Mode.REPLACE))
    after, graves = await house.dump(), await house.graves()
    undoing, _ = await house.undo(run)
    again, done = await house.undo(undoing)
    assert (await house.dump(), await house.graves()) == (after, graves)
    assert done.counts["item"] | {"read": 0} == {
        "read": 0,
        "inserted": 1,
        "updated": 1,
        "unchanged": 0,
        "deleted": 1,
        "rejected": 0,
    }
    assert [await house.states()] == [
        {1: "archived", run: "archived", undoing: "undone", again: "archived"}
    ]


async def test_undo_can_go_back_and_forth(house: House) -> None:
    await house.load(items(ONE, TWO))
    before = await house.dump(), await house.graves()
    run = await house.load(
        items(changed(ONE, name="x"), TWO, SIX), items(TWO[:2], mode=Mode.DELETE)
    )
    after = await house.dump(), await house.graves()
    last = run
    for n in range(5):
        last, done = await house.undo(last)
        assert done.problems == 0
        rows, graves = after if n % 2 else before
        assert await house.dump() == rows
        assert [key for key in await house.graves() if key in graves] == graves
        assert (await house.states())[run] == ("archived" if n % 2 else "undone")


async def test_a_run_can_be_undone_anew_after_its_undo_was(house: House) -> None:
    await house.load(items(ONE, TWO))
    before = await house.dump()
    run = await house.load(items(changed(ONE, name="x"), SIX, mode=Mode.REPLACE))
    undoing, _ = await house.undo(run)
    await house.undo(undoing)
    await house.undo(run)
    assert await house.dump() == before


async def test_undo_of_an_undo_keeps_what_was_changed_since(house: House) -> None:
    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x"), changed(TWO, name="x"), SIX))
    undoing, _ = await house.undo(run)
    later = await house.load(items(changed(ONE, name="later"), changed(SIX, name="later")))
    _, done = await house.undo(undoing)
    assert [row[2] for row in await house.rows()] == ["later", "x", "later"]
    assert [(kept.why, kept.by) for kept in done.kept] == [("changed", later)] * 2


async def test_what_was_kept_can_be_had_by_undoing_there_and_back(house: House) -> None:
    await house.load(items(ONE))
    before = await house.dump()
    run = await house.load(items(changed(ONE, name="x")))
    later = await house.load(items(changed(ONE, name="y")))
    undoing, done = await house.undo(run)
    assert done.problems == 1
    await house.undo(later)
    await house.undo(undoing)
    _, done = await house.undo(run)
    assert done.problems == 0
    assert await house.dump() == before


# what cannot be undone


async def test_a_run_that_is_undone_cannot_be_undone_again(house: House) -> None:
    run = await house.load(items(ONE))
    await house.undo(run)
    with pytest.raises(UsageError, match="is undone: nothing of it is in the tables"):
        await house.plan(run)


async def test_a_run_of_an_entity_that_is_gone_cannot_be_undone(house: House) -> None:
    run = await house.load(Some(BRAND, [("A", 1)]), items(ONE))
    undoing = await house._run("undo", run)
    with pytest.raises(UsageError, match="brand, which is not declared any more"):
        await undo.put(house.store, undoing, {"item": ITEM}, house.clock)
    assert len(await house.rows()) == 1


async def test_images_go_after_their_time_in_slices_and_then_nothing_can_be_undone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "SLICE", 2)
    many = [changed(ONE, code=f"{n:02d}") for n in range(5)]
    old = await house.load(items(*many), Some(BRAND, [("A", 1)]))
    await house.load(items(*(changed(one, name="x") for one in many)), Some(BRAND, [("A", 2)]))
    house.clock.tick(3600)
    new = await house.load(items(*(changed(one, name="y") for one in many)))
    kinds, before = CATALOGUE.values(), house.clock.now() - timedelta(minutes=1)
    assert await images.purge(house.store, kinds, before=before, clock=house.clock) == 6
    assert await images.purge(house.store, kinds, before=before, clock=house.clock) == 0
    with pytest.raises(UsageError, match="no longer kept"):
        await house.plan(old)
    _, done = await house.undo(new)
    assert done.counts["item"]["updated"] == 5


async def test_images_that_are_gone_stay_gone_whatever_is_said_later(house: House) -> None:
    run = await house.load(items(ONE))
    house.clock.tick(86_400)
    now = house.clock.now()
    kinds = CATALOGUE.values()
    await images.purge(house.store, kinds, before=now - timedelta(hours=1), clock=house.clock)
    await images.purge(house.store, kinds, before=now - timedelta(days=90), clock=house.clock)
    with pytest.raises(UsageError, match="no longer kept"):
        await house.plan(run)


async def test_an_undo_that_is_cut_short_leaves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(Exception):
        pass

    def cut(point: str) -> Callable[[str], None]:
        def hit(name: str) -> None:
            if name == point:
                raise Cut

        return hit

    await house.load(items(ONE, TWO))
    run = await house.load(items(changed(ONE, name="x"), SIX, mode=Mode.REPLACE))
    kept = await house.dump(), await house.graves()
    numbers = await house.ask("SELECT COUNT(*) FROM item__undo")
    undoing = await house._run("undo", run)
    for point in ("undo.begun", "undo.rows"):
        with monkeypatch.context() as patched, pytest.raises(Cut):
            patched.setattr(undo.failpoint, "hit", cut(point))
            await undo.put(house.store, undoing, CATALOGUE, house.clock)
        assert (await house.dump(), await house.graves()) == kept
        assert await house.ask("SELECT COUNT(*) FROM item__undo") == numbers
        assert (await house.states())[run] == "archived"
    await undo.put(house.store, undoing, CATALOGUE, house.clock)
    assert (await house.states())[run] == "undone"


# any sequence of loads and undos

CODES = ("a", "b", "c")
Step = tuple[str, list[tuple[str, str]]] | tuple[str, int]
RECORDS = st.lists(
    st.tuples(st.sampled_from(CODES), st.sampled_from("xyz")), max_size=3, unique_by=lambda r: r[0]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["merge", "replace", "delete"]), RECORDS),
        st.tuples(st.just("undo"), st.integers(0, 7)),
    ),
    max_size=8,
)


class Model:
    """What the tables hold, in Python: each record's version and value, and what each run saw."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[int, str | None]] = {}
        self.before: dict[int, dict[str, tuple[int, str | None] | None]] = {}
        self.after: dict[int, dict[str, tuple[int, str | None] | None]] = {}

    def load(self, run: int, mode: str, records: list[tuple[str, str]]) -> None:
        wanted: dict[str, str | None] = dict(records)
        if mode == "delete":
            wanted = dict.fromkeys(wanted)
        if mode == "replace":
            wanted = dict.fromkeys(CODES) | wanted
        after = {}
        for code, value in wanted.items():
            old = self.now.get(code, (0, None))[1]
            if value != old:
                after[code] = (run, value)
        self._put(run, after)

    def undo(self, run: int, of: int) -> None:
        """Take back what is still as the run left it; `None` before it: it was never there."""
        after = {
            code: before or (run, None)
            for code, before in self.before[of].items()
            if self.now.get(code) == self.after[of][code]
        }
        self._put(run, after)

    def _put(self, run: int, after: dict[str, tuple[int, str | None]]) -> None:
        self.before[run] = {code: self.now.get(code) for code in after}
        self.after[run] = dict(after)
        self.now |= after

    def rows(self) -> list[tuple[str, str]]:
        return sorted((code, value) for code, (_, value) in self.now.items() if value is not None)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_loads_and_undos_leave_what_a_dict_would_hold(
    house: House, steps: list[Step]
) -> None:
    await house.clear()
    model = Model()
    there: list[int] = []
    for what, how in steps:
        if isinstance(how, list):
            mode = Mode(what)
            records = [
                (code, "en") if mode is Mode.DELETE else (code, "en", value) for code, value in how
            ]
            run = await house.load(items(*records, mode=mode))
            model.load(run, what, how)
            there.append(run)
        elif there:
            of = there[how % len(there)]
            if (await house.states())[of] == "undone":
                continue
            run, _ = await house.undo(of)
            model.undo(run, of)
            there.append(run)
        assert [(row[0], row[2]) for row in await house.rows()] == model.rows()
