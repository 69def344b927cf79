"""What is on a schedule comes due once, whatever the clock, the configuration and others do."""

import asyncio
import contextlib
import selectors
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import anyio
import apscheduler.schedulers.base
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.core.errors import UsageError
from impexd.model.group import CatchUp
from impexd.model.schedule import Cron, Interval, Schedule
from impexd.scheduler import due, wake
from impexd.scheduler.due import Due
from impexd.scheduler.entries import Entry
from impexd.scheduler.fire import Occurrence
from impexd.scheduler.timing import Timing
from impexd.store import engine, occurrences, schema
from impexd.store.engine import Store
from tests.clock import FakeClock

NIGHT = Cron("0 2 * * *", "Europe/Berlin")
QUARTER = Interval(900)
DAY = 86_400.0
PRICES = "export:prices"


def export(schedule: Schedule = NIGHT, catch_up: CatchUp = "one") -> Entry:
    return Entry("export", "prices", schedule, catch_up)


class House:
    """A daemon's timetable over a store, as far as it matters here: what fires becomes a row."""

    def __init__(self, store: Store, clock: FakeClock, *entries: Entry) -> None:
        self.clock = clock
        self.entries = entries
        self.timing = Timing(
            store, clock, lambda: {one.name: one for one in self.entries}, {"export": self.start}
        )

    async def start(self, tx: AsyncConnection, entry: Entry, what: Occurrence) -> int:
        row = {"name": f"{entry.name} {what.id}"}
        await tx.execute(text("INSERT INTO config VALUES (:name, '', '')"), row)
        return what.id + 1000

    async def pass_(self, seconds: float) -> None:
        self.clock.tick(seconds)
        assert await self.timing.look()


async def fired(store: Store, name: str = PRICES) -> list[str]:
    """The moments that have fired, each of which did its work."""
    rows = await journal(store, name)
    found = [row for row in rows if row["state"] != "skipped"]
    async with store.reading() as conn:
        done = {key for (key,) in await conn.execute(select(schema.config.c.hash))}
    assert {f"{name} {row['id']}" for row in found} <= done
    assert [row["run"] for row in found] == [row["id"] + 1000 for row in found]
    return [row["at"][:16] for row in found]


async def skipped(store: Store, name: str = PRICES) -> list[tuple[str, str]]:
    rows = await journal(store, name)
    return [(row["at"][:16], row["reason"]) for row in rows if row["state"] == "skipped"]


async def journal(store: Store, name: str) -> list[dict[str, Any]]:
    query = select(schema.occurrence).where(schema.occurrence.c.name == name)
    async with store.reading() as conn:
        found = await conn.execute(query.order_by(schema.occurrence.c.at))
        return [dict(row) for row in found.mappings()]


# what is decided

MOMENTS = [datetime(2026, 1, day, 1, tzinfo=UTC) for day in (1, 2, 3)]
LATER = MOMENTS[-1] + timedelta(hours=5)


def decided(policy: CatchUp, now: datetime = LATER, **how: Any) -> list[Due]:
    return due.decide(MOMENTS, now=now, policy=policy, **{"paused": False} | how)


def test_one_run_makes_up_for_all_that_was_missed() -> None:
    found = decided("one")
    assert [one.skip != "" for one in found] == [True, True, False]
    assert "2026-01-03T01:00" in found[0].skip


def test_each_is_made_up_for_if_so_wanted() -> None:
    assert decided("all") == [Due(at) for at in MOMENTS]


def test_what_is_not_made_up_for_is_said_to_be_missed() -> None:
    assert [one.at for one in decided("none")] == MOMENTS
    assert all("missed" in one.skip for one in decided("none"))


def test_what_came_a_moment_ago_was_not_missed() -> None:
    assert decided("none", MOMENTS[-1] + timedelta(seconds=2))[-1] == Due(MOMENTS[-1])


def test_what_comes_in_a_pause_is_skipped() -> None:
    for policy in ("none", "one", "all"):
        assert decided(policy, paused=True) == [Due(at, "paused") for at in MOMENTS]


def test_the_oldest_stands_for_those_that_are_not_listed() -> None:
    for policy in ("none", "one", "all"):
        found = decided(policy, more=True)
        assert [one.at for one in found] == MOMENTS
        assert found[0].skip.endswith("as all before it")


# what is journalled, on both engines


async def test_each_moment_fires_once(store: Store, clock: FakeClock) -> None:
    house = House(store, clock, export())  # it is Saturday 31 January 2026, 08:00 UTC
    for _ in range(3):
        assert await house.timing.look()
    assert await fired(store) == []
    await house.pass_(17 * 3600 - 1)
    assert await fired(store) == []
    await house.pass_(1)
    assert await fired(store) == ["2026-02-01T01:00"]
    for _ in range(3):
        await house.pass_(3600)
    assert await fired(store) == ["2026-02-01T01:00"]
    await house.pass_(DAY)
    assert await fired(store) == ["2026-02-01T01:00", "2026-02-02T01:00"]


@pytest.mark.parametrize(("policy", "count"), [("none", 0), ("one", 1), ("all", 7)])
async def test_a_week_of_downtime_gives_what_the_policy_says(
    store: Store, clock: FakeClock, policy: CatchUp, count: int
) -> None:
    await House(store, clock, export(NIGHT, policy)).pass_(0)
    clock.tick(7 * DAY)
    after = House(store, clock, export(NIGHT, policy))  # another process
    await after.pass_(0)
    found = await fired(store)
    assert len(found) == count
    assert found[-1:] == ["2026-02-07T01:00"][:count]
    assert len(await skipped(store)) == 7 - count
    await after.pass_(60)
    assert await fired(store) == found


async def test_a_year_of_downtime_is_journalled_with_a_bound(
    store: Store, clock: FakeClock
) -> None:
    house = House(store, clock, export(QUARTER))
    await house.pass_(0)
    await house.pass_(365 * DAY)
    assert len(await fired(store)) == 1
    found = await skipped(store)
    assert len(found) == due.MOST - 1
    assert "as all before it" in found[0][1]


async def test_a_pause_is_remembered_and_what_comes_in_it_is_skipped(
    store: Store, clock: FakeClock
) -> None:
    house = House(store, clock, export())
    await house.pass_(0)
    await house.timing.pause(PRICES, actor="ada", note="the shop moves")
    await house.pass_(DAY)
    other = House(store, clock, export())
    await other.pass_(DAY)
    assert await fired(store) == []
    (told,) = await other.timing.listed()
    assert told["paused"] == {
        "since": "2026-01-31T08:00:00.000Z",
        "actor": "ada",
        "note": "the shop moves",
    }
    clock.tick(DAY)
    await other.timing.resume(PRICES)
    assert await fired(store) == []
    assert await skipped(store) == [(f"2026-02-0{n}T01:00", "paused") for n in (1, 2, 3)]
    await other.pass_(DAY)
    assert await fired(store) == ["2026-02-04T01:00"]
    assert (await other.timing.listed())[0]["paused"] is None


async def test_a_person_may_run_it_now_also_in_a_pause(store: Store, clock: FakeClock) -> None:
    house = House(store, clock, export())
    await house.timing.pause(PRICES, actor=None, note=None)
    first = await house.timing.run(PRICES, actor="ada", note="once more")
    second = await house.timing.run(PRICES, actor=None, note=None)
    assert (first["kind"], first["actor"], first["note"]) == ("manual", "ada", "once more")
    assert first["at"] != second["at"]
    assert len(await fired(store)) == 2
    clock.tick(5)
    assert (await house.timing.listed())[0]["last"]["kind"] == "manual"


async def test_what_is_on_no_schedule_is_told_by_name(store: Store, clock: FakeClock) -> None:
    house = House(store, clock, export())
    for act in (
        house.timing.run("export:price", actor=None, note=None),
        house.timing.pause("export:price", actor=None, note=None),
        house.timing.resume("export:price"),
    ):
        with pytest.raises(UsageError, match="did you mean `export:prices`"):
            await act


@pytest.mark.parametrize("jump", [2 * 3600, -2 * 3600])
async def test_a_clock_that_jumps_and_comes_back_repeats_and_loses_nothing(
    store: Store, clock: FakeClock, jump: float
) -> None:
    house = House(store, clock, export(QUARTER, "all"))
    await house.pass_(0)
    for _ in range(40):
        await house.pass_(300)
    clock.tick(jump)
    for _ in range(40):
        await house.pass_(300)
    clock.tick(-jump)
    for _ in range(60):
        await house.pass_(300)
    start = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
    found = await fired(store)
    assert len(found) == len(set(found))
    wanted = [f"{at.isoformat()[:16]}" for at in QUARTER.between(start, clock.now())]
    assert [at for at in found if at <= clock.now().isoformat()[:16]] == wanted
    assert await skipped(store) == []


@pytest.mark.parametrize("year", [1970, 2100])
async def test_a_clock_that_was_mad_for_a_while_does_no_lasting_harm(
    store: Store, clock: FakeClock, year: int
) -> None:
    house = House(store, clock, export())
    await house.pass_(0)
    await house.pass_(2 * DAY)
    before = await fired(store)
    kept = clock.wall
    clock.wall = datetime(year, 6, 1, 12, tzinfo=UTC)
    await house.pass_(60)
    clock.wall = kept
    again = House(store, clock, export())
    await again.pass_(60)
    here = [at for at in await fired(store) if at.startswith("2026")]
    assert here == before
    await again.pass_(DAY)
    here = [at for at in await fired(store) if at.startswith("2026")]
    assert here == [*before, "2026-02-03T01:00"]


async def test_another_schedule_begins_when_it_comes_into_force(
    store: Store, clock: FakeClock
) -> None:
    house = House(store, clock, export())
    await house.pass_(0)
    clock.tick(DAY)  # 08:00 on the 1st; what the old one promised has not been looked at
    house.entries = (export(Cron("0 5 * * *", "UTC")),)
    await house.pass_(0)
    assert await fired(store) == ["2026-02-01T01:00"]  # kept; 05:00 of before is none of its
    await house.pass_(DAY)
    assert await fired(store) == ["2026-02-01T01:00", "2026-02-02T05:00"]


async def test_a_reload_keeps_the_phase_of_an_interval(store: Store, clock: FakeClock) -> None:
    for _ in range(20):  # each time as another daemon would, in the middle of the interval
        await House(store, clock, export(QUARTER)).pass_(0)
        clock.tick(7 * 60)
    found = await fired(store)
    assert found == [
        f"2026-01-31T{8 + n // 4:02}:{n % 4 * 15:02}" for n in range(1, len(found) + 1)
    ]
    assert len(found) == 8


async def test_what_comes_back_after_it_was_taken_off_makes_up_for_nothing(
    store: Store, clock: FakeClock
) -> None:
    house = House(store, clock, export())
    await house.pass_(0)
    house.entries = ()
    await house.pass_(3 * DAY)
    house.entries = (export(),)
    await house.pass_(DAY)
    assert await fired(store) == []
    await house.pass_(DAY)
    assert await fired(store) == ["2026-02-05T01:00"]


async def test_two_daemons_on_one_database_fire_once(store_url: str, clock: FakeClock) -> None:
    async with engine.opened(store_url) as one, engine.opened(store_url) as two:
        houses = [House(store, clock, export(QUARTER, "all")) for store in (one, two, one, two)]
        await houses[0].pass_(0)
        for _ in range(6):
            clock.tick(1800)
            async with anyio.create_task_group() as tasks:
                for house in houses:
                    tasks.start_soon(house.timing.look)
        assert len(await fired(one)) == 12
        async with one.reading() as conn:
            count = text("SELECT count(*) FROM config")
            assert await conn.scalar(count) == 12


async def test_what_cannot_be_started_has_failed_and_says_why(
    store: Store, clock: FakeClock
) -> None:
    house = House(store, clock, export())

    async def refused(tx: AsyncConnection, _entry: Entry, _what: Occurrence) -> None:
        await tx.execute(text("INSERT INTO config VALUES ('half', '', '')"))
        raise UsageError("there is no such group")

    house.timing.starts = {"export": refused}
    await house.pass_(0)
    await house.pass_(DAY)
    (row,) = await journal(store, PRICES)
    assert (row["state"], row["reason"]) == ("failed", "there is no such group")
    async with store.reading() as conn:
        assert await conn.scalar(text("SELECT count(*) FROM config")) == 0


async def test_old_occurrences_are_forgotten(store: Store, clock: FakeClock) -> None:
    house = House(store, clock, export(), Entry("export", "x", NIGHT))
    for _ in range(12):
        await house.pass_(10 * DAY)
    async with store.writing() as tx:
        await occurrences.end(tx, occurrences.Became.DONE, now=clock.now(), name=PRICES)
        gone = await occurrences.purge(tx, now=clock.now(), keep=30, housekeeping=1)
    assert gone > 0
    kept = [row["at"] for row in await journal(store, PRICES)]
    assert min(kept) >= (clock.now() - timedelta(days=30)).isoformat()[:19]
    assert len(await fired(store, "export:x")) == 11  # these have not ended, old or not


# the alarm clock


@dataclass
class VirtualTime:
    """A wall clock and a loop's clock that go together, in no time, except when the wall one jumps."""

    wall: datetime = datetime(2026, 3, 28, 12, tzinfo=UTC)
    seconds: float = 0.0
    at: dict[float, timedelta] = field(default_factory=dict)
    """Jumps of the wall clock, by the seconds of the loop."""

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def token(self) -> str:
        return "0" * 32

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)
        for moment in [moment for moment in self.at if moment <= self.seconds]:
            self.wall += self.at.pop(moment)


class VirtualSelector(selectors.SelectSelector):
    """Lets time pass instead of waiting for it."""

    def __init__(self, clock: VirtualTime) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self._clock.advance(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualTime) -> None:
        super().__init__(VirtualSelector(clock))
        self._virtual = clock

    def time(self) -> float:
        return self._virtual.monotonic()


@contextlib.contextmanager
def virtual(monkeypatch: pytest.MonkeyPatch, clock: VirtualTime) -> Iterator[asyncio.Runner]:
    class Moment(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return clock.wall.astimezone(tz)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Moment)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        yield runner


@dataclass
class Rung:
    """What stands where the timetable does, and notes when it is woken."""

    clock: VirtualTime
    held: tuple[Entry, ...]
    woken: datetime | None = None
    times: list[datetime] = field(default_factory=list)
    whole: bool = True

    def entries(self) -> dict[str, Entry]:
        return {one.name: one for one in self.held}

    async def look(self) -> bool:
        self.times.append(self.clock.wall)
        return self.whole


@asynccontextmanager
async def tended(rung: Rung) -> AsyncIterator[anyio.Event]:
    changed = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wake.tend, rung, lambda: changed)
        yield changed
        tasks.cancel_scope.cancel()


def test_the_alarm_rings_at_each_moment_through_a_change_of_clocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = VirtualTime()
    night = Cron("30 2 * * *", "Europe/Berlin")
    rung = Rung(clock, (export(night),))

    async def main() -> None:
        async with tended(rung):
            await asyncio.sleep(3 * DAY)

    began = time.monotonic()
    with virtual(monkeypatch, clock) as runner:
        runner.run(main())
    assert time.monotonic() - began < 60
    wanted = night.between(datetime(2026, 3, 28, 12, tzinfo=UTC), clock.wall)
    for moment in wanted:
        assert any(timedelta() <= at - moment < timedelta(seconds=1) for at in rung.times)
    gaps = [later - sooner for sooner, later in zip(rung.times, rung.times[1:], strict=False)]
    assert max(gaps) <= timedelta(seconds=wake.HEARTBEAT + 1)


@pytest.mark.parametrize("hours", [2, -2])
def test_a_jump_of_the_clock_is_noticed_within_a_minute(
    monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    clock = VirtualTime(at={3600.0: timedelta(hours=hours)})
    rung = Rung(clock, (export(),))

    async def main() -> None:
        async with tended(rung):
            await asyncio.sleep(2 * 3600)

    with virtual(monkeypatch, clock) as runner:
        runner.run(main())
    jumped = datetime(2026, 3, 28, 13, tzinfo=UTC) + timedelta(hours=hours)
    woken = [at for at in rung.times if at >= jumped] if hours > 0 else rung.times
    after = rung.times[rung.times.index(woken[0]) :] if hours > 0 else rung.times
    if hours > 0:
        assert after[0] - jumped <= timedelta(seconds=wake.HEARTBEAT)
    else:
        back = [at for at, then in zip(rung.times[1:], rung.times, strict=False) if at < then]
        assert back
        assert back[0] - jumped <= timedelta(seconds=2 * wake.HEARTBEAT)


def test_what_could_not_be_looked_at_is_looked_at_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = VirtualTime()
    rung = Rung(clock, (), whole=False)

    async def main() -> None:
        async with tended(rung):
            await asyncio.sleep(60)

    with virtual(monkeypatch, clock) as runner:
        runner.run(main())
    assert len(rung.times) >= 60 / wake.RETRY


def test_a_reload_wakes_and_touches_only_what_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = VirtualTime()

    async def main() -> None:
        bell = wake.Bell()
        with wake.started(bell) as alarm:
            same, other = export(QUARTER), Entry("inbox", "shop", NIGHT)
            alarm.arrange({one.name: one for one in (same, other)})
            jobs = {job.id: job.trigger for job in alarm._scheduler.get_jobs()}
            assert set(jobs) == {"heartbeat", PRICES, "inbox:shop"}
            changed = Entry("inbox", "shop", QUARTER)
            alarm.arrange({one.name: one for one in (same, changed)})
            later = {job.id: job.trigger for job in alarm._scheduler.get_jobs()}
            assert later[PRICES] is jobs[PRICES]
            assert later["inbox:shop"].schedule == QUARTER
            alarm.arrange({})
            assert [job.id for job in alarm._scheduler.get_jobs()] == ["heartbeat"]

    with virtual(monkeypatch, clock) as runner:
        runner.run(main())


def test_a_trigger_never_raises() -> None:
    class Broken:
        def next(self, _after: datetime) -> datetime:
            raise RuntimeError

    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = wake.Trigger(Broken()).get_next_fire_time(None, now)  # type: ignore[arg-type]
    assert found == now + timedelta(seconds=wake.HEARTBEAT)
