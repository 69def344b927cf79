"""The file-system hazards of the hostile samples, through an inbox."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from impexd.core import durable
from tests.inbox.conftest import Place, place, rooms, rules

__all__ = ["place", "rooms", "rules"]

SHARED = Path(os.environ.get("IMPEXD_SHARED", Path(__file__).parents[3] / "shared"))
CANARY = Path("/tmp/impexd-canary")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, made once."""
    out = tmp_path_factory.mktemp("hostile")
    generator = SHARED / "tools/hostile/make_hostile.py"
    subprocess.run([sys.executable, generator, out, "--fs", "--only", "none"], check=True)
    return out


def described(samples: Path) -> list[dict[str, Any]]:
    manifest = json.loads((samples / "manifest.json").read_text())
    return [one for one in manifest["samples"] if not one["note"].startswith("NOT CREATED")]


def raw(sample: dict[str, Any]) -> bytes:
    if "raw_name_hex" in sample:
        return bytes.fromhex(sample["raw_name_hex"])
    return os.fsencode(sample["path"].removeprefix("fs/"))


def put(samples: Path, name: bytes, inbox: Path) -> None:
    """Move a sample as it is: links stay links, devices devices."""
    with durable.opened(samples / "fs") as source, durable.opened(inbox) as target:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


async def test_each_hazard_is_taken_left_alone_or_refused_with_its_code(
    place: Place, samples: Path
) -> None:
    for sample in described(samples):
        name = raw(sample)
        if sample["reason"] == "unreadable" and os.geteuid() == 0:
            continue  # nothing is unreadable to root
        put(samples, name, place.inbox)
        before = len(await place.runs())
        start = time.perf_counter()
        taken = await place.take()
        assert time.perf_counter() - start < 1, sample["path"]
        new = (await place.runs())[before:]
        there = os.listdir(os.fsencode(place.inbox))
        if sample["expect"] == "ignore":
            assert (there, new) == ([name], []), sample["path"]
            clear(place.inbox)
            continue
        assert there == [], sample["path"]
        (run,) = new
        assert run["raw_name"] == name
        assert str(run["name"]).isprintable()
        if sample["expect"] == "import":
            assert taken.claimed == [run["id"]], sample["path"]
            continue
        assert (run["state"], run["code"]) == ("failed", sample["reason"]), sample["path"]
        assert str(run["message"]).isprintable()
        assert os.path.lexists(place.var / str(run["place"])), sample["path"]
        assert (await place.take()).refused == {}
    assert not CANARY.exists()


def clear(inbox: Path) -> None:
    for left in os.scandir(inbox):
        if left.is_dir(follow_symlinks=False):
            shutil.rmtree(left.path)
        else:
            os.unlink(left.path)


async def test_bad_neighbours_do_not_keep_good_files_from_being_taken(
    place: Place, tmp_path: Path
) -> None:
    out = tmp_path / "hostile"
    generator = SHARED / "tools/hostile/make_hostile.py"
    subprocess.run([sys.executable, generator, out, "--fs", "--only", "none"], check=True)
    for sample in described(out):
        put(out, raw(sample), place.inbox)
    for number in range(50):
        place.drop(f"good-{number:02d}.csv", b"code\n%d\n" % number)
    taken = await place.take()
    names = {str(row["name"]) for row in await place.runs() if row["id"] in taken.claimed}
    assert {f"good-{number:02d}.csv" for number in range(50)} < names
    again = await place.take()
    assert (again.claimed, again.refused) == ([], {})
