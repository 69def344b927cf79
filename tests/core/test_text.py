"""Foreign text is made fit to be shown, whatever it is."""

from hypothesis import given
from hypothesis import strategies as st

from impexd.core.text import shown


@given(st.one_of(st.text(), st.binary()))
def test_what_is_shown_is_one_printable_line_of_bounded_length(text: str | bytes) -> None:
    said = shown(text, limit=50)
    assert len(said) <= 50
    assert said.isprintable()


def test_plain_text_stays_as_it_is() -> None:
    assert shown("Größe 42, “x” – 5 €") == "Größe 42, “x” – 5 €"


def test_controls_surrogates_and_bad_bytes_are_escaped() -> None:
    assert shown("a\x1b[2J\nb") == "a\\x1b[2J\\nb"
    assert shown("\ud800") == "\\ud800"
    assert shown(b"latin\xe9") == "latin\\xe9"


def test_long_text_is_cut_and_says_so() -> None:
    assert shown("x" * 100, limit=10) == "x" * 9 + "…"
