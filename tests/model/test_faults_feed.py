"""Mistakes in feeds and maps are told with file, line and key, and what would be right."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import mistakes, write

MAP = 'kind = "map"\n[message]\nid = "id"\n'
REST = 'kind = "rest"\nmap = "plain"\nurl = "https://api.courier.example/x"\n'
HOOK = 'kind = "webhook"\nmap = "plain"\nscheme = "aftership"\nsecrets = [{ env = "X" }]\n'
MAIN = '[webhooks]\nlisten = "127.0.0.1:8580"\n'

FAULTS: dict[str, tuple[str, str, str]] = {
    "no kind": ("map = 1\n", "", "`kind` is missing"),
    "another kind": ('kind = "rset"\n', "kind", "did you mean `rest`"),
    "an unknown key": (REST + 'evry = "1 min"\n', "evry", "evry"),
    "no such map": (REST.replace('"plain"', '"plian"'), "map", "did you mean `plain`"),
    "a private address": (REST.replace("api.courier.example", "10.0.0.1"), "url", "public internet"),
    "the machine itself": (REST.replace("https://api.courier.example", "http://[::1]"), "url", "https only"),
    "without TLS": (REST.replace("https", "http"), "url", "by https only"),
    "another port": (REST.replace("example/", "example:9200/"), "url", "port 9200"),
    "a bad interval": (REST + 'every = "now"\n', "every", "now"),
    "no JMESPath": (REST + 'items = "a[["\n', "items", "no JMESPath"),
    "pages without a parameter": (REST + '[pages]\nby = "page"\n', "pages", "`parameter` is missing"),
    "a cursor without a next": (REST + '[pages]\nby = "cursor"\nparameter = "c"\n', "pages", "`next` is missing"),
    "a link with a parameter": (REST + '[pages]\nby = "link"\nparameter = "c"\nnext = "n"\n', "pages.parameter", "without a parameter"),
    "a parameter twice": (REST + '[params]\nc = "1"\n[pages]\nby = "page"\nparameter = "c"\n', "pages.parameter", "`params`"),
    "no secret's place": (REST + "[auth]\nsecret = {}\n", "auth.secret", "one place"),
    "two places": (REST + '[auth]\nsecret = { env = "A", file = "b" }\n', "auth.secret", "one place"),
    "a secret in plain words": (REST + '[auth]\nsecret = "hunter2"\n', "auth.secret", ""),
    "a secret that is not there": (REST + '[auth]\nsecret = { file = "none" }\n', "auth.secret.file", "No such file"),
    "a scheme that is none": (HOOK.replace("aftership", "md5"), "scheme", ""),
    "a header too many": (HOOK + 'header = "X-A"\n', "header", "headers of its own"),
    "a header too few": (HOOK.replace("aftership", "hmac"), "scheme", "needs a `header`"),
    "no secrets": (HOOK.replace('[{ env = "X" }]', "[]"), "secrets", ""),
    "a group that is none": ('kind = "folder"\nmap = "plain"\ngroup = "nix"\n', "group", "no import group"),
    "a group without messages": ('kind = "folder"\nmap = "plain"\ngroup = "shop"\n', "group", 'service = "messages"'),
    "a map that cannot be read": ('kind = "map"\n[message]\nid = "("\n', "message.id", "no JMESPath"),
    "a line that cannot be read": ('kind = "map"\nmessage = {}\n[line]\nextra = { a = "[" }\n', "line.extra.a", "no JMESPath"),
    "a meaning that is none": ('kind = "map"\nmessage = {}\n[status]\nx = "shipped"\n', "status.x", ""),
    "a word twice": ('kind = "map"\nmessage = {}\n[status]\nA = "ship"\na = "note"\n', "status.a", "capitals"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "part"), FAULTS.values(), ids=FAULTS)
def test_a_mistake_in_a_feed_is_told_where_it_stands(
    tmp_path: Path, text: str, key: str, part: str
) -> None:
    files = {"impexd.toml": MAIN, "feeds/plain.toml": MAP, "feeds/mine.toml": text}
    said = mistakes(write(tmp_path, files))
    mine = [one for one in said if one.startswith("etc/feeds/mine.toml:") and f": {key}" in one]
    assert mine, said
    assert part in mine[0]
    assert "hunter2" not in " ".join(said)


def test_a_webhook_that_nobody_listens_for_is_told(tmp_path: Path) -> None:
    (said,) = mistakes(write(tmp_path, {"feeds/plain.toml": MAP, "feeds/mine.toml": HOOK}))
    where = "etc/feeds/mine.toml:1: kind: "
    assert said == where + "nobody listens: say `listen` in [webhooks] of impexd.toml"


def test_a_listener_that_others_reach_needs_tls(tmp_path: Path) -> None:
    main = '[webhooks]\nlisten = "0.0.0.0:8443"\n'
    (said,) = mistakes(write(tmp_path, {"impexd.toml": main}))
    assert said.startswith("etc/impexd.toml:2: webhooks.listen: others reach this address")


def test_a_host_may_be_listed_and_a_network_that_is_private(tmp_path: Path) -> None:
    main = '[outbound]\nhosts = ["*.courier.example"]\nprivate = ["10.0.0.0/8"]\nports = ["8000-8999"]\n'
    good = REST.replace("example/", "example:8443/")
    files = {"impexd.toml": main, "feeds/plain.toml": MAP, "feeds/good.toml": good}
    assert "good" in config.load(write(tmp_path, files)).feeds
    other = {"feeds/good.toml": good.replace("api.courier.example", "10.0.0.1")}
    (said,) = mistakes(write(tmp_path, files | other))
    assert "none of the hosts that may be called" in said
