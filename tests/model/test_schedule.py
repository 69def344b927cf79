"""When things are due: held against a list that is made another way, minute by minute."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impexd.model import schedule
from impexd.model.schedule import Cron, Interval

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 1440

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
EXPRESSIONS = {
    # expression -> (minutes, hours, days, months, weekdays Monday = 1 .. Sunday = 7), None for any
    "30 2 * * *": ({30}, {2}, None, None, None),
    "0 0 * * *": ({0}, {0}, None, None, None),
    "45 1 * * 0": ({45}, {1}, None, None, {7}),
    "15 2,3 * * *": ({15}, {2, 3}, None, None, None),
    "30 6 * * 1-5": ({30}, {6}, None, None, {1, 2, 3, 4, 5}),
    "0 12 1 */3 *": ({0}, {12}, {1}, {1, 4, 7, 10}, None),
    "5 0 29 2 *": ({5}, {0}, {29}, {2}, None),
    "*/20 * * * *": ({0, 20, 40}, None, None, None, None),
    "10 * * * 7": ({10}, None, None, None, {7}),
    "*/30 2 * * *": ({0, 30}, {2}, None, None, None),
}
FREE = {"*/20 * * * *", "10 * * * 7", "*/30 2 * * *"}
"""Those that go by the time that passes: their minute or hour begins with a star."""


@cache
def segments(zone: str) -> list[tuple[int, int, int]]:
    """Stretches of equal offset: (first minute, end minute, offset), since 1970, found by looking."""
    found: list[tuple[int, int, int]] = []
    tz, first, last = ZoneInfo(zone), minute(START) - 3 * DAY, minute(END) + 3 * DAY
    for at in range(first, last, 5):
        offset = (EPOCH + timedelta(minutes=at)).astimezone(tz).utcoffset()
        assert offset is not None
        minutes = int(offset.total_seconds()) // 60
        if found and found[-1][2] == minutes:
            found[-1] = (found[-1][0], at + 5, minutes)
        else:
            found.append((at, at + 5, minutes))
    return found


def minute(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds()) // 60


def fits(day: int, fields: tuple[set[int] | None, ...]) -> bool:
    then = date(1970, 1, 1) + timedelta(days=day)
    looked = (then.day, then.month, then.isoweekday())
    return all(
        wanted is None or value in wanted for value, wanted in zip(looked, fields[2:], strict=True)
    )


def by_the_clock(zone: str, fields: tuple[set[int] | None, ...]) -> set[int]:
    """Each wall time that fits happens once: when it is shown first, or when it has been jumped over."""
    found = set()
    spans = segments(zone)
    for day in range(minute(START) // DAY - 1, minute(END) // DAY + 2):
        if not fits(day, fields):
            continue
        for wall in range(day * DAY, (day + 1) * DAY):
            at = wall % DAY
            if at % 60 not in fields[0] or at // 60 not in fields[1]:
                continue
            shown = [wall - off for first, end, off in spans if first <= wall - off < end]
            jumped = [first for first, _, off in spans if wall - off < first]
            found.add(min(shown) if shown else min(jumped))
    return found


def by_what_passes(zone: str, fields: tuple[set[int] | None, ...]) -> set[int]:
    """Each minute at which a clock shows a time that fits."""
    found = set()
    for first, end, off in segments(zone):
        days = {
            day for day in range((first + off) // DAY, (end + off) // DAY + 1) if fits(day, fields)
        }
        for at in range(first, end):
            wall = at + off
            if (
                (fields[0] is None or wall % 60 in fields[0])
                and (fields[1] is None or wall % DAY // 60 in fields[1])
                and wall // DAY in days
            ):
                found.add(at)
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_comes_due_in_two_years_is_what_was_counted_by_hand(
    expression: str, zone: str
) -> None:
    reference = by_what_passes if expression in FREE else by_the_clock
    wanted = reference(zone, EXPRESSIONS[expression])
    listed = sorted(at for at in wanted if minute(START) < at <= minute(END))
    found = list(Cron(expression, zone).between(START, END))
    assert [minute(moment) for moment in found] == listed
    assert all(moment.tzinfo is UTC and moment.second == 0 for moment in found)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_from_wherever_one_looks_the_next_moment_is_the_same(expression: str, zone: str) -> None:
    cron = Cron(expression, zone)
    moments = [minute(moment) for moment in cron.between(START, END + timedelta(days=70))]
    changes = [first for first, _, _ in segments(zone)[1:]]
    looks = [at + shift for at in changes for shift in range(-200, 200, 7)]
    for at in looks:
        if not minute(START) < at < minute(END):
            continue
        found = cron.next(EPOCH + timedelta(minutes=at, seconds=30))
        assert found is not None
        assert minute(found) == moments[bisect_right(moments, at)]


def test_the_clock_changes_of_berlin() -> None:
    night = Cron("30 2 * * *", "Europe/Berlin")
    spring = night.between(
        datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)
    )
    assert [moment.isoformat() for moment in spring] == [
        "2026-03-29T01:00:00+00:00",  # 03:00, as 02:30 is not there
        "2026-03-30T00:30:00+00:00",
    ]
    autumn = night.between(
        datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC)
    )
    assert [moment.isoformat() for moment in autumn] == [
        "2026-10-25T00:30:00+00:00",  # the first of the two
        "2026-10-26T01:30:00+00:00",
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(available_timezones())),
    st.integers(0, 23),
    st.integers(0, 59),
    st.dates(date(2013, 1, 1), date(2035, 1, 1)),
)
def test_daily_is_once_on_each_date_in_every_zone(
    zone: str, hour: int, at: int, first: date
) -> None:
    tz = ZoneInfo(zone)
    start = datetime(first.year, first.month, first.day, tzinfo=tz).astimezone(UTC)
    days = []
    for moment in Cron(f"{at} {hour} * * *", zone).between(
        start - timedelta(days=2), start + timedelta(days=400)
    ):
        local = moment.astimezone(tz)
        if (local.hour, local.minute) == (hour, at):
            days.append(local.date())
            continue
        # Jumped over: it belongs to the day whose clocks skip it, which may begin with the gap.
        before = (moment - timedelta(seconds=1)).astimezone(tz).replace(tzinfo=None)
        after = local.replace(tzinfo=None)
        skipped = [
            day
            for day in {before.date(), after.date()}
            if before < datetime(day.year, day.month, day.day, hour, at) < after
        ]
        assert len(skipped) == 1
        days += skipped
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    assert len(days) > 399


def between(every: Interval, start: datetime, seconds: int) -> Iterator[int]:
    for moment in every.between(start, start + timedelta(seconds=seconds)):
        yield int(moment.timestamp())


@settings(max_examples=100, deadline=None)
@given(
    st.integers(schedule.LEAST, schedule.MOST),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.integers(0, 10**7),
)
def test_an_interval_keeps_its_phase_wherever_one_begins(
    step: int, start: datetime, later: int
) -> None:
    every = Interval(step)
    begin = start.replace(tzinfo=UTC)
    found = every.next(begin)
    assert found is not None
    assert begin < found <= begin + timedelta(seconds=step)
    assert (found - EPOCH).total_seconds() % step == 0
    other = every.next(begin + timedelta(seconds=later))
    assert other is not None
    assert (other - found).total_seconds() % step == 0
    assert len(list(between(every, begin, 10 * step))) == 10


def test_the_newest_moments_are_found_however_many_there_are() -> None:
    cron = Cron("* * * * *", "Europe/Berlin")
    found, more = schedule.latest(cron, EPOCH, END, 1000)
    assert found == list(cron.between(END - timedelta(minutes=1000), END))
    assert more
    assert schedule.latest(cron, START, START + timedelta(minutes=3), 1000) == (
        [START + timedelta(minutes=n) for n in (1, 2, 3)],
        False,
    )
    assert schedule.latest(Cron("0 0 29 2 *"), EPOCH, END, 1000)[1] is False
    assert schedule.latest(cron, END, START, 1000) == ([], False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15 min", 900), ("2 h", 7200), ("90s", 90), ("1 d", 86_400), (" 10 sec ", 10)],
)
def test_an_interval_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert schedule.seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "15", "min", "0 min", "9 s", "1.5 h", "367 d", "-1 h", "٣ h", "1 w"]
)
def test_what_is_no_interval_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="wanted here"):
        schedule.seconds(text)


WRONG = {
    "": "five fields",
    "0 2 * *": "five fields",
    "0 0 2 * * *": "five fields",
    "@daily": "five fields",
    "60 * * * *": "minute is wrong; 0 to 59",
    "0 24 * * *": "hour is wrong; 0 to 23",
    "0 0 32 * *": "day of the month is wrong",
    "0 0 30 2 *": "no month that is named here has that day",
    "0 0 1 13 *": "month is wrong",
    "0 0 * * 8": "day of the week is wrong; 0 to 7",
    "0 0 * * MONDAY": "day of the week is wrong",
    "*/0 * * * *": "minute is wrong",
    "0 5-2 * * *": "hour is wrong",
}


@pytest.mark.parametrize("expression", WRONG)
def test_a_wrong_expression_is_told_in_words(expression: str) -> None:
    assert WRONG[expression] in schedule.cron_fault(expression)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789*/-,L#W MONFRIJAN"), max_size=40) | st.text(max_size=40))
def test_any_text_is_a_schedule_or_is_told_what_is_wrong(text: str) -> None:
    reason = schedule.cron_fault(text)
    if reason:
        assert reason.isprintable()
        with pytest.raises(ValueError, match=re.escape(reason)):
            schedule.made(text, None)
    else:
        found = schedule.made(text, None, "Europe/Berlin")
        assert found is not None
        assert found.next(START) is not None
        assert schedule.parse(found.spec) == found
        assert found.words


def test_a_schedule_is_read_back_from_its_spec() -> None:
    for one in (Cron("0 2 * * 1-5", "America/New_York"), Interval(900)):
        assert schedule.parse(one.spec) == one
    for bad in (
        "",
        "cron",
        "cron Nowhere/Land 0 2 * * *",
        "cron UTC 0 2",
        "every",
        "every 1 y",
        "x",
    ):
        assert schedule.parse(bad) is None


def test_schedules_have_words() -> None:
    assert Cron("0 2 * * *", "Europe/Berlin").words == "at 02:00 every day, Europe/Berlin"
    assert Interval(900).words == "every 15 min"
    assert Interval(3600).words == "every hour"
    assert Interval(90).words == "every 90 s"
