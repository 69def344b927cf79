"""Expressions of the configuration run on RE2, and say what RE2 does not have."""

import pytest

from impexd.model import patterns


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(a)\1", "back-references"),
        (r"(?P<n>a)(?P=n)", "back-references"),
        (r"a(?=b)", "look-around"),
        (r"a(?!b)", "look-around"),
        (r"(?<=a)b", "look-around"),
        (r"(?<!a)b", "look-around"),
        (r"a\Z", r"\z"),
        (r"[a", "missing ]"),
        (r"(a", "missing )"),
        (r"*a", "repetition"),
        (r"a{1001}", "repetition"),
    ],
)
def test_what_re2_does_not_take_is_said_in_words(pattern: str, said: str) -> None:
    assert said in patterns.faults(pattern)
    with pytest.raises(ValueError, match="RE2"):
        patterns.compiled(pattern)


def test_what_re2_takes_has_no_fault() -> None:
    assert patterns.faults(r"products(?P<day>\d{8})?\.csv") == ""
    assert patterns.faults(r"\p{Lu}.*") == ""


def test_names_match_whole_and_without_regard_to_capitals_if_asked() -> None:
    pattern = patterns.compiled(r"products(.*)\.csv", case=False)
    assert pattern.fullmatch("PRODUCTS-ä.CSV")
    assert not pattern.fullmatch("products.csv.bak")
    assert not patterns.compiled(r"products(.*)\.csv").fullmatch("PRODUCTS.CSV")


def test_an_expression_that_ruins_others_is_done_at_once() -> None:
    assert patterns.compiled(r"(a+)+$").search("a" * 100_000 + "b") is None
