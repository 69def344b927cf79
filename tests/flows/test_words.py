"""Words that fit nothing: commands refuse them in a sentence, whatever they are."""

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from impexd import cli, client, commands
from impexd.cli import common
from impexd.core.errors import ImpexError, UsageError
from tests import shop
from tests.flows.place import Place

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = {name: text for name, text in shop.ETC.items() if name != "impexd.toml"}


@pytest.mark.parametrize("path", ["why", "imports"])
async def test_a_word_that_is_no_utf8_is_refused_and_not_tripped_over(
    place: Place, path: str
) -> None:
    ask = place.asked.get if path == "why" else place.asked.post
    with pytest.raises(UsageError, match=r"\\udcff is no UTF-8 text"):
        await ask(f"/api/v1/{path}", about="\udcff", key=["a", "\udcff"])
    with pytest.raises(UsageError, match="no UTF-8 text"):
        commands.quoted("\udcff")


LONG = [("runs/{}", ""), ("runs/{}/changes", ""), ("runs/1/log", "after"), ("runs", "before"), ("tasks/{}", ""), ("messages/{}", "")]  # fmt: skip


@pytest.mark.parametrize("id", [10**18 * 9, 10**30, -(10**30)], ids=["large", "huge", "below"])
@pytest.mark.parametrize(("path", "query"), LONG)
async def test_a_number_no_database_counts_to_is_refused(
    place: Place, path: str, query: str, id: int
) -> None:
    with pytest.raises(ImpexError) as refused:
        await place.asked.get("/api/v1/" + path.format(id), **({query: id} if query else {}))
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("about", ["x" * 300, "/" + "x" * 300])
async def test_a_name_no_file_system_takes_is_known_nowhere(place: Place, about: str) -> None:
    await place.fresh(QUICK)
    with pytest.raises(UsageError, match="nothing is known of"):
        await place.asked.get("/api/v1/why", about=about)


async def test_a_folder_is_no_drop_and_is_called_one(place: Place, tmp_path: Path) -> None:
    await place.fresh(QUICK)
    with pytest.raises(UsageError, match="is a folder") as refused:
        await place.asked.post("/api/v1/imports", group="shop", path=str(tmp_path))
    assert "zip" in refused.value.hint


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(UsageError, match=r"file.* cannot be written: Not a directory"):
        cli.commands.main(["init", str(taken / "shop")], standalone_mode=False)
    with pytest.raises(UsageError, match="cannot be written"), common.writing(taken):
        (taken / "out").mkdir()


async def test_another_user_is_told_whose_daemon_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def shut(_: str) -> None:
        raise PermissionError(
            13, "Permission denied"
        )  # a test may run as root, who is never refused

    monkeypatch.setattr(anyio, "connect_unix", shut)
    (tmp_path / "impexd.toml").touch()
    with pytest.raises(UsageError, match="may not reach the daemon") as refused:
        async with client.opened(tmp_path):
            raise AssertionError
    assert refused.value.hint == f"do this as {tmp_path.owner()}, whose instance it is"


async def test_a_reader_that_goes_away_is_no_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "impexd", "--help"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
