"""Mistakes in schedules, and in what follows a run."""

from pathlib import Path

import pytest

from impexd import config
from impexd.model import after
from impexd.model.secret import Secret
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
    "a token": ('after = ["https://a/x?q=1&token=hunter2"] # here\n' + GROUP, "after.1", ["`token`", "looks like a secret", "file"]),
    "a key": ('after = ["https://a/x?api_key=hunter2"] # here\n' + GROUP, "after.1", ["`api_key`"]),
    "what nobody thinks of": ('after = ["https://a/x?q=8f3kd93kd93kd93kfk30"] # here\n' + GROUP, "after.1", ["`q`"]),
    "a URL that is not kept": ('after = [{ file = "nowhere" }] # here\n' + GROUP, "after.1", ["No such file"]),
    "a kept URL that is none": ('after = [{ file = "reindex.bad" }] # here\n' + GROUP, "after.1", ["`reindex.bad`", "a URL is wanted"]),
    "a space": ('after = ["https://a/x y"] # here\n' + GROUP, "after.1", ["without spaces"]),
}  # fmt: skip


def etc(folder: Path, text: str) -> Path:
    found = write(folder, EXPORTS | {G: text})
    for name, url in (("reindex.url", "https://a/x?token=hunter2"), ("reindex.bad", "hunter2")):
        (found / name).write_text(url)
        (found / name).chmod(0o600)
    return found


@pytest.mark.parametrize(("text", "key", "parts"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_a_schedule_or_what_follows_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    said = mistakes(etc(tmp_path, text))
    told(said, G, text, key, parts)
    for secret in ("u:p", "x=1", "hunter2", "8f3kd93"):
        assert secret not in said[0]


def test_a_right_schedule_is_taken(tmp_path: Path) -> None:
    text = 'after = ["export:brands-out", "https://a/x?page=1", { file = "reindex.url" }]\n' + INBOX
    text += 'schedule = "0 2 * * 1-5"\nzone = "Europe/Berlin"\n'
    found = config.load(etc(tmp_path, text))
    assert "hunter2" not in found.body
    assert found.groups["shop"].inbox.schedule == "0 2 * * 1-5"
    assert found.groups["shop"].after == (
        *("export:brands-out", "https://a/x?page=1"),
        Secret(file="reindex.url"),
    )
    assert FILES[G] != text


def test_a_target_is_known_by_what_is_no_secret() -> None:
    assert after.name("https://a/x?token=1") == "https://a/x"
    assert after.name("export:a") == "export:a"
    assert after.name(Secret(file="reindex.url")) == "file:reindex.url"
    assert after.name(Secret(credential="reindex")) == "credential:reindex"
    targets = ["https://a/x?token=1", "https://a/x?token=1", "https://a/x?token=2", "export:a"]
    assert after.found("https://a/x", targets) == ["https://a/x?token=1", "https://a/x?token=2"]
