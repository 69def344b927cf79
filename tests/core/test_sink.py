"""Log lines go to a thread: a reader who does not read holds nobody up."""

import os
import time

from impexd.core.sink import Sink, Tap
from tests.processes import until


def test_lines_arrive_in_order() -> None:
    out, into = os.pipe()
    sink = Sink(into)
    for number in range(100):
        sink.put(f"line {number}")
    sink.flush(5)
    assert os.read(out, 1 << 20).decode().splitlines() == [f"line {n}" for n in range(100)]
    assert sink.dropped == 0


def test_a_pipe_that_nobody_reads_drops_lines_and_counts_them() -> None:
    out, into = os.pipe()
    sink = Sink(into, lines=10)
    since = time.monotonic()
    for _ in range(1000):
        sink.put("x" * 1000)
    assert time.monotonic() - since < 5
    assert sink.dropped > 800
    assert sink.news() == sink.dropped
    assert sink.news() == 0
    read = 0

    def drained() -> bool:
        nonlocal read
        read += os.read(out, 1 << 20).count(b"\n")
        return read + sink.dropped == 1000

    until(drained, "what was not dropped has been written")


def test_a_reader_that_has_gone_costs_its_lines_only() -> None:
    out, into = os.pipe()
    os.close(out)
    sink = Sink(into)
    sink.put("nobody reads this")
    until(lambda: sink.dropped == 1, "it is counted")
    sink.put("nor this")
    until(lambda: sink.dropped == 2, "and the next")


def test_a_tap_holds_events_only_while_somebody_fetches_them() -> None:
    tap = Tap(most=2)
    tap.put({"event": "before"})
    tap.open = True
    for name in ("a", "b", "c"):
        tap.put({"event": name})
    assert [event["event"] for event in tap.taken(10)] == ["a", "b"]
    assert tap.dropped == 1
    assert tap.taken(10) == []
