"""The `Link` header, as servers write it."""

import pytest

from impexd.feeds import links


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('<https://c.example/a?page=2>; rel="next"', "https://c.example/a?page=2"),
        ("<https://c.example/a?page=2>;rel=next", "https://c.example/a?page=2"),
        ('<p1>; rel="prev", <p3>; title="a, b"; rel="next last"', "p3"),
        ('<p1>; REL="Next"', "p1"),
        ('<p1>; rel="nextish", <p9>; rel="last"', None),
        ('<p1>; rel=""', None),
        ("<p1", None),
        ("", None),
    ],
)
def test_the_next_page_is_the_link_that_says_so(header: str, url: str | None) -> None:
    assert links.following(header) == url
