"""Mistakes in schedules, and in what follows a run."""

from pathlib import Path

import pytest

from impexd import config
from impexd.model import after
from tests.etc import FILES, GROUP, G, mistakes, told, write

EXPORTS = {
    "descriptors/brands-out.toml": 'query = { entity = "brand" }\n[[column]]\nfrom = "name"\nto = "name"\n',
    "groups/brands-out.toml": 'kind = "export"\ndescriptors = ["brands-out"]\n',
}
INBOX = GROUP + "[inbox]\n"

WRONG = {
    "an expression": (INBOX + 'schedule = "0 25 * * *" # here\n', "inbox.schedule", ["hour is wrong", "0 to 23"]),
    "too few fields": (INBOX + 'schedule = "0 2" # here\n', "inbox.schedule", ["five fields"]),
    "a day there is not": (INBOX + 'schedule = "0 0 30 2 *" # here\n', "inbox.schedule", ["has that day"]),
    "an interval": (INBOX + 'every = "2 weeks" # here\n', "inbox.every", ["`2 weeks`", '"15 min"']),
    "a short interval": (INBOX + 'every = "1 s" # here\n', "inbox.every", ["at least 10 s"]),
    "both": (INBOX + 'schedule = "0 2 * * *"\nevery = "1 h" # here\n', "inbox.every", ["one of them"]),
    "a zone": (INBOX + 'zone = "Europe/Berlim" # here\n', "inbox.zone", ["`Europe/Berlim`"]),
    "a policy": (INBOX + 'catch_up = "two" # here\n', "inbox.catch_up", ['"all"']),
    "an export that is none": ('after = ["export:brand-out"] # here\n' + GROUP, "after.1", ["did you mean `brands-out`"]),
    "an import": ('after = ["export:shop"] # here\n' + GROUP, "after.1", ["no export group `shop`"]),
    "a target twice": ('after = ["https://a/b?x=1", "https://a/b?x=1"] # here\n' + GROUP, "after.2", ["`https://a/b`", "twice"]),
    "no URL": ('after = ["shop.example"] # here\n' + GROUP, "after.1", ["or a URL"]),
    "a file": ('after = ["file:///etc/passwd"] # here\n' + GROUP, "after.1", ["or a URL"]),
    "no host": ('after = ["https:///x"] # here\n' + GROUP, "after.1", ["no host"]),
    "a password": ('after = ["https://u:p@a/x"] # here\n' + GROUP, "after.1", ["does not belong"]),
    "a broken port": ('after = ["https://a:x/"] # here\n' + GROUP, "after.1", ["no URL"]),
    "a place in a page": ('after = ["https://a/x#y"] # here\n' + GROUP, "after.1", ["`#y`"]),
    "a space": ('after = ["https://a/x y"] # here\n' + GROUP, "after.1", ["without spaces"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_a_schedule_or_what_follows_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    said = mistakes(write(tmp_path, EXPORTS | {G: text}))
    told(said, G, text, key, parts)
    assert "u:p" not in said[0]
    assert "x=1" not in said[0]


def test_a_right_schedule_is_taken(tmp_path: Path) -> None:
    text = 'after = ["export:brands-out", "https://a/x?token=1"]\n' + INBOX
    text += 'schedule = "0 2 * * 1-5"\nzone = "Europe/Berlin"\n'
    found = config.load(write(tmp_path, EXPORTS | {G: text}))
    assert found.groups["shop"].inbox.schedule == "0 2 * * 1-5"
    assert found.groups["shop"].after == ("export:brands-out", "https://a/x?token=1")
    assert FILES[G] != text


def test_a_target_is_known_by_what_is_no_secret() -> None:
    assert after.name("https://a/x?token=1") == "https://a/x"
    assert after.name("export:a") == "export:a"
    targets = ["https://a/x?token=1", "https://a/x?token=1", "https://a/x?token=2", "export:a"]
    assert after.found("https://a/x", targets) == ["https://a/x?token=1", "https://a/x?token=2"]
