"""Completeness is decided on values; time is handed in."""

import pytest

from impexd.inbox import settle
from impexd.inbox.settle import Proof, Seen, Verdict, Watched

STILL = Seen(b"a.zip", 1, 2, 300, 4)
GROWN = Seen(b"a.zip", 1, 2, 301, 4)
REPLACED = Seen(b"a.zip", 1, 3, 300, 4)
TOUCHED = Seen(b"a.zip", 1, 2, 300, 5)


def decided(still: float, proof: Proof = Proof.SILENT, *, seconds: float = 2.0) -> Verdict:
    watched = Watched(STILL, since=100.0)
    return settle.verdict(watched, proof, at=100.0 + still, settle=seconds, incomplete_after=3600.0)


def test_a_file_seen_once_must_keep_still_first() -> None:
    assert decided(0.0) is Verdict.WAITING
    assert decided(1.99) is Verdict.WAITING


def test_a_file_that_kept_still_is_ready() -> None:
    assert decided(2.0) is Verdict.READY


def test_where_nothing_has_to_settle_the_first_look_is_enough() -> None:
    assert decided(0.0, seconds=0.0) is Verdict.READY


def test_a_companion_saves_the_waiting() -> None:
    assert decided(0.0, Proof.COMPANION) is Verdict.READY


def test_a_whole_file_settles_all_the_same() -> None:
    assert decided(0.0, Proof.WHOLE) is Verdict.WAITING
    assert decided(2.0, Proof.WHOLE) is Verdict.READY


def test_a_partial_file_is_given_up_only_after_long_stillness() -> None:
    assert decided(2.0, Proof.PARTIAL) is Verdict.WAITING
    assert decided(3599.0, Proof.PARTIAL) is Verdict.WAITING
    assert decided(3600.0, Proof.PARTIAL) is Verdict.STALE


def test_a_file_is_never_given_up_before_it_could_have_settled() -> None:
    watched = Watched(STILL, since=0.0)
    early = settle.verdict(watched, Proof.PARTIAL, at=5.0, settle=10.0, incomplete_after=1.0)
    assert early is Verdict.WAITING


@pytest.mark.parametrize("now", [GROWN, REPLACED, TOUCHED])
def test_any_change_starts_time_anew(now: Seen) -> None:
    first = settle.watch({}, [STILL], at=1.0)
    assert settle.watch(first, [now], at=50.0)[b"a.zip"] == Watched(now, 50.0)


def test_an_unchanged_file_keeps_its_time_and_its_hash() -> None:
    first = {b"a.zip": settle.hashed(Watched(STILL, 1.0), "ab")}
    assert settle.watch(first, [STILL], at=50.0) == first


def test_what_is_gone_is_forgotten() -> None:
    assert settle.watch({b"a.zip": Watched(STILL, 1.0)}, [], at=2.0) == {}


@pytest.mark.parametrize("mtime_ns", [-86400 * 10**9, 4102444800 * 10**9])
def test_the_date_of_a_file_means_nothing(mtime_ns: int) -> None:
    dated = Seen(b"a.csv", 1, 2, 3, mtime_ns)
    watched = settle.watch({}, [dated], at=10.0)[b"a.csv"]
    assert settle.patience(watched, at=11.0, settle=2.0) == 1.0
    assert settle.patience(watched, at=12.0, settle=2.0) == 0.0
