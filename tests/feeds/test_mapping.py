"""Maps at work: the many ways in which couriers write the same, and what is not taken for anything."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from impexd.core.clock import stamp
from impexd.feeds import mapping
from impexd.feeds.mapping import About, Unmapped
from impexd.model.feed import FeedMap
from impexd.model.message import Message, Said

USED = FeedMap.model_validate(
    {
        "kind": "map",
        "message": {"order": "order", "status": "status", "at": "at", "lines": "parcels[].items[]",
                    "tracking": "tracking", "amount": "amount"},
        "line": {"sku": "sku", "shipped": "n"},
        "status": {"In Transit": Said.SHIP, "DELIVERED": Said.DELIVER},
    }
)  # fmt: skip
TEN = datetime(2026, 6, 1, 10, tzinfo=UTC)


def message(**item: Any) -> Message:
    return mapping.message(item, USED, About("s", "1"))


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-01T10:00:00Z", "2026-06-01T10:00:00", "2026-06-01T12:00:00+02:00",
        "2026-06-01T12:00:00+0200", "2026-06-01T12:00:00+02", "2026-06-01 12:00:00 +0200",
        "2026-06-01 12:00:00 +02:00", "2026-06-01 10:00:00 UTC", "2026-06-01 10:00:00 gmt",
        "2026-06-01T04:30:00.000-0530", "20260601T100000Z", "1780308000", "1780308000.0",
        "1780308000000", "Mon, 01 Jun 2026 12:00:00 +0200", "Mon, 01 Jun 2026 10:00:00 GMT",
        "01 Jun 2026 10:00:00 -0000",
    ],
)  # fmt: skip
def test_a_moment_is_read_as_couriers_write_it(text: str) -> None:
    assert message(at=text).at == stamp(TEN)


@pytest.mark.parametrize(
    "text",
    ["soon", "01.06.2026", "2026-13-01T10:00:00Z", "2026-06-01T10:00:00 Europe/Berlin", "٣" * 10,
     "9" * 30, "-1", "2026-06-01T10:00:00+99:00"],
)  # fmt: skip
def test_what_is_no_moment_is_told_and_not_guessed(text: str) -> None:
    with pytest.raises(Unmapped, match="no moment"):
        message(at=text)


@pytest.mark.parametrize("word", ["in transit", "IN TRANSIT", " In Transit "])
def test_status_words_are_known_in_capitals_and_small_letters(word: str) -> None:
    assert message(status=word).said is Said.SHIP
    assert message(status=f"not {word}").said is Said.UNKNOWN


def test_numbers_may_be_texts_and_lists_may_be_nested_or_an_object_alone() -> None:
    one, two = {"sku": "A", "n": "2.50"}, {"sku": 7, "n": 1}
    found = message(parcels=[{"items": [one]}, {"items": [two]}])
    assert [(line.sku, line.shipped) for line in found.lines] == [("A", Decimal("2.50")), ("7", Decimal(1))]  # fmt: skip
    plain = USED.model_copy(update={"message": USED.message.model_copy(update={"lines": "items"})})
    (line,) = mapping.message({"items": one}, plain, About("s", "1")).lines
    assert line.sku == "A"
    with pytest.raises(Unmapped, match="no list"):
        mapping.message({"items": "A"}, plain, About("s", "1"))


@pytest.mark.parametrize(
    "n", ["1e999999999", "-1e-999999", "NaN", "Infinity", "1_0", "٣", "-1", "x"]
)
def test_a_quantity_that_is_none_is_told_and_never_written_out(n: str) -> None:
    with pytest.raises(Unmapped, match=r"no number|less than"):
        message(parcels=[{"items": [{"sku": "A", "n": n}]}])


@pytest.mark.parametrize(
    "text",
    ["20260601100000", "202606011000", "20260601T1000Z", "/Date(1780308000000)/",
     "/Date(1780308000000+0200)/", "1780308000000000", "1780308000000000000"],
)  # fmt: skip
def test_a_moment_in_a_run_of_digits_is_a_moment_of_our_time(text: str) -> None:
    assert message(at=text).at == stamp(TEN)


@pytest.mark.parametrize("text", ["01.06.2026 12:00", "01-06-2026 12:00:00", "2026-06-01T12:00:00"])
def test_the_map_says_how_a_courier_writes_moments_and_where_it_is_at_home(text: str) -> None:
    layouts = ("%d.%m.%Y %H:%M", "%d-%m-%Y %H:%M:%S")
    used = USED.model_copy(update={"moments": layouts, "zone": "Europe/Berlin"})
    assert mapping.message({"at": text}, used, About("s", "1")).at == stamp(TEN)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-06-01", "2026-06-01"), ("20260601", "2026-06-01"), ("01.06.2026", "2026-06-01"),
     (1780308000, stamp(TEN)), ("2026-06-01T12:00+02:00", stamp(TEN)), ("soon", None), ("20269999", None)],
)  # fmt: skip
def test_an_estimated_day_is_kept_as_a_day_however_it_is_written(text: Any, day: str) -> None:
    said = USED.message.model_copy(update={"estimated_to": "eta"})
    used = USED.model_copy(update={"message": said, "moments": ("%d.%m.%Y",)})
    assert mapping.message({"eta": text}, used, About("s", "1")).estimated_to == day
