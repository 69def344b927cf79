"""Mistakes about places: inboxes, the database, the socket; and secrets, which are never told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from impexd import config
from impexd.core.errors import ConfigError
from tests.etc import GROUP, MAIN, G, mistakes, told, write

INBOXES: dict[str, tuple[Callable[[Path], str], str]] = {
    "the same": (lambda var: "inbox/shop", "is the inbox of group shop already"),
    "the same by another way": (
        lambda var: str(var / "inbox" / "." / "shop"),
        "inbox of group shop already",
    ),
    "inside": (lambda var: "inbox/shop/deep/er", "is inside the inbox of group shop"),
    "around": (lambda var: "inbox", "is around the inbox of group shop"),
    "the same by a link": (lambda var: "link", "is the inbox of group shop already"),
    "out of var by a link": (lambda var: "out/x", "leads out of var"),
    "in the configuration": (
        lambda var: str(var.parent / "etc" / "groups"),
        "is in the configuration",
    ),
    "above everything": (lambda var: str(var.parent), "holds the folders of impexd"),
}


@pytest.mark.parametrize(("path", "part"), INBOXES.values(), ids=INBOXES)
def test_two_inboxes_never_meet_and_none_lies_where_impexd_keeps_its_own(
    tmp_path: Path, path: Callable[[Path], str], part: str
) -> None:
    var = tmp_path / "var"
    (var / "inbox" / "shop").mkdir(parents=True)
    (var / "link").symlink_to(var / "inbox" / "shop")
    (tmp_path / "elsewhere").mkdir()
    (var / "out").symlink_to(tmp_path / "elsewhere")
    name = "groups/zzz.toml"
    text = f'{GROUP}\n[inbox]\npath = "{path(var)}" # here\n'
    told(mistakes(write(tmp_path, {name: text})), name, text, "inbox.path", [part])


def test_an_absolute_inbox_is_taken_unless_roots_say_otherwise(tmp_path: Path) -> None:
    text = f'{GROUP}[inbox]\npath = "{tmp_path}/drops" # here\n'
    etc = write(tmp_path, {G: text})
    assert config.load(etc).inboxes["shop"] == tmp_path / "drops"
    write(tmp_path, {G: text, MAIN: f'instance.roots = ["{tmp_path}/sftp", "{tmp_path}/drops"]'})
    assert config.load(etc)
    write(tmp_path, {G: text, MAIN: f'instance.roots = ["{tmp_path}/sftp"]'})
    told(mistakes(etc), G, text, "inbox.path", ["instance.roots"])


INSTANCE = {
    "a password": ('[store]\nurl = "postgresql://me:hunter2@db/shop" # here\n', "store.url", ["password", "url_file"]),
    "a password behind": ('[store]\nurl = "postgresql://db/shop?password=hunter2" # here\n', "store.url", ["password", "url_file"]),
    "another database": ('[store]\nurl = "mysql://db/shop" # here\n', "store.url", ["sqlite:///", "postgresql://"]),
    "a database of nobody": ('[store]\nurl = "postgresql://db" # here\n', "store.url", ["names no database"]),
    "a database in memory": ('[store]\nurl = "sqlite:///:memory:" # here\n', "store.url", ["sqlite:///NAME.db"]),
    "a database upwards": ('[store]\nurl = "sqlite:///../x.db" # here\n', "store.url", ["leads upwards"]),
    "no URL": ('[store]\nurl = "postgresql://[::1" # here\n', "store.url", ["no URL"]),
    "two databases": ('[store]\nurl = "sqlite:///x.db"\ncredential = "x" # here\n', "store.credential", ["only one of url, credential"]),
    "a file with the URL that is none": ('[store]\nurl_file = "nowhere.url" # here\n', "store.url_file", ["No such file"]),
    "a secret in plain words": ('[store]\npassword = "hunter2" # here\n', "store.password", ["not known"]),
    "an empty path": ('[instance]\nvar = "" # here\n', "instance.var", ["a path is wanted"]),
    "a NUL in a path": ('[instance]\nvar = "a\\u0000b" # here\n', "instance.var", ["a path is wanted"]),
    "too long a socket": (f'[control]\nsocket = "{"s" * 200}" # here\n', "control.socket", ["107 bytes"]),
    "a root that is relative": ('[instance]\nroots = ["drops"] # here\n', "instance.roots.1", ["absolute"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parts"), INSTANCE.values(), ids=INSTANCE)
def test_a_mistake_in_the_instance_is_told_with_its_line_and_without_its_secret(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    said = mistakes(write(tmp_path, {MAIN: text}))
    told(said, MAIN, text, key, parts)
    assert "hunter2" not in said[0]


def test_a_secret_url_is_fetched_from_its_file_and_kept_nowhere(tmp_path: Path) -> None:
    etc = write(tmp_path, {MAIN: '[store]\nurl_file = "db.url" # here\n'})
    secret = etc / "db.url"
    secret.write_text("postgresql://me:hunter2@db/shop\n")
    secret.chmod(0o600)
    found = config.load(etc)
    assert config.store_url(found) == "postgresql://me:hunter2@db/shop"
    assert "hunter2" not in repr(found) + found.body
    secret.chmod(0o644)
    told(mistakes(etc), MAIN, "\n# here", "store.url_file", ["chmod 600"])
    with pytest.raises(ConfigError, match="chmod 600"):
        config.store_url(found)


def test_a_secret_url_may_be_a_credential_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = config.load(write(tmp_path, {MAIN: '[store]\ncredential = "db"\n'}))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="LoadCredential"):
        config.store_url(found)
    (tmp_path / "db").write_text("postgresql://me:hunter2@db/shop")
    (tmp_path / "db").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert config.store_url(found) == "postgresql://me:hunter2@db/shop"


def test_a_database_file_stands_below_var_or_where_it_is_said(tmp_path: Path) -> None:
    found = config.load(write(tmp_path, {MAIN: '[store]\nurl = "sqlite:///shop.db"\n'}))
    assert config.store_url(found) == f"sqlite:///{tmp_path}/var/shop.db"
    found = config.load(write(tmp_path, {MAIN: '[store]\nurl = "sqlite:////srv/shop.db"\n'}))
    assert config.store_url(found) == "sqlite:////srv/shop.db"
