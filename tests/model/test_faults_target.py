"""Mistakes in where the files of an export group go."""

from pathlib import Path

import pytest

from impexd import config
from impexd.model.target import Target
from tests.etc import mistakes, told, write

OUT = "groups/out.toml"
QUERY = '[query]\nentity = "brand"\n[[column]]\nfrom = "name"\nto = "name"\n'
GROUP = 'kind = "export"\ndescriptors = ["out"]\n[target]\n'
SFTP = GROUP + 'kind = "sftp"\nhost = "h"\nuser = "u"\nknown_hosts = "known"\n'
GOOD = SFTP + 'password = { file = "password" }\n'
S3 = GROUP + 'kind = "s3"\nbucket = "prices"\n'

WRONG = {
    "a kind": (GROUP + 'kind = "ftp" # here\n', "target.kind", ['"sftp"']),
    "a key of another kind": (GOOD + 'bucket = "prices" # here\n', "target.bucket", ['"s3"', '"sftp"']),
    "a host with more in it": (GOOD.replace('"h"', '"h/x" # here'), "target.host", []),
    "no known hosts": (SFTP.replace('known_hosts = "known"\n', 'password = { file = "password" }\n').replace("[target]", "[target] # here"), "target", ["known_hosts", "ssh-keyscan"]),
    "known hosts that are not there": (GOOD.replace('"known"', '"nowhere" # here'), "target.known_hosts", ["`nowhere`", "No such file"]),
    "no way in": (SFTP.replace("[target]", "[target] # here"), "target", ["`key` or `password`"]),
    "a password in the open": (SFTP + 'password = "hunter2" # here\n', "target.password", []),
    "a secret that is not there": (SFTP + 'key = { file = "nowhere" } # here\n', "target.key.file", ["No such file"]),
    "a secret for all to read": (SFTP + 'key = { file = "open" } # here\n', "target.key.file", ["chmod 600"]),
    "two places for a secret": (SFTP + 'key = { file = "password", env = "X" } # here\n', "target.key", ["one place"]),
    "a folder upwards": (GOOD + 'path = "../x" # here\n', "target.path", ["no folder"]),
    "a local folder upwards": (GROUP + 'path = "../x" # here\n', "target.path", ["upwards"]),
    "no bucket": (GROUP.replace("[target]", "[target] # here") + 'kind = "s3"\n', "target", ["bucket"]),
    "an endpoint in the open": (S3 + 'endpoint = "http://s3" # here\n', "target.endpoint", ["allow_http"]),
    "an endpoint with a password": (S3 + 'endpoint = "https://u:hunter2@s3" # here\n', "target.endpoint", ["does not belong"]),
    "keys from the root": (S3 + 'path = "/x" # here\n', "target.path", ["begin with"]),
}  # fmt: skip


def etc(folder: Path, text: str) -> Path:
    found = write(folder, {"descriptors/out.toml": QUERY, OUT: text})
    for name, mode in (("known", 0o644), ("password", 0o600), ("open", 0o644)):
        (found / name).write_text("hunter2")
        (found / name).chmod(mode)
    return found


@pytest.mark.parametrize(("text", "key", "parts"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_a_target_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    said = mistakes(etc(tmp_path, text))
    told(said, OUT, text, key, parts)
    assert "hunter2" not in said[0]


@pytest.mark.parametrize("text", [GOOD, S3, GROUP, S3 + 'access = { env = "NOT_THERE" }\n'])
def test_a_right_target_is_taken_and_its_secret_is_in_no_configuration(
    tmp_path: Path, text: str
) -> None:
    assert "hunter2" not in config.load(etc(tmp_path, text)).body


def test_a_target_is_shown_as_a_url_without_secrets() -> None:
    def shown(**said: object) -> str:
        return Target.model_validate({"host": "h", "user": "u", "kind": "sftp"} | said).shown

    assert shown() == "sftp://u@h"
    assert shown(port=2022, path="/in/") == "sftp://u@h:2022/in"
    assert shown(path="in") == "sftp://u@h/~/in"
    assert shown(host="2001:db8::1") == "sftp://u@[2001:db8::1]"
    assert shown(kind="s3", bucket="b-1", path="p/q/") == "s3://b-1/p/q"
