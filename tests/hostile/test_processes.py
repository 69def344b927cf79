"""
Every hostile sample of zip, CSV and file system in the inboxes of a real daemon, among good files.

And some of them, one of each kind, given to `impexd import`.  What is asked of each stands in
the samples' manifest; nothing may hang, crash, be half loaded or end without a code.
"""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from impexd.model.problem import Code
from tests.processes import Site
from tests.shared import HOSTILE

CANARY = Path("/tmp/impexd-canary")
GROUPS = ("zip", "csv", "fs")
SPARSE = 1 << 30
"""Bytes of a file that is mostly holes, and not worth reading."""
GOOD = 17
"""Good files in each of the three inboxes."""
HEADER = "code,name,price,stock"
FIELDS = """
[entity.article]
key = ["code"]
[entity.article.field]
code = { max = 255 }
name = { max = 255, null = true }
price = { type = "decimal", scale = 2, min = 0, null = true }
stock = { type = "integer", null = true }
"""
ETC = {
    "impexd.toml": '[log]\nformat = "json"\n',
    "entities/article.toml": FIELDS,
    "descriptors/articles.toml": 'entity = "article"\n'
    + "".join(
        f'[[column]]\nfrom = "{name}"\nto = "{name}"\nrequired = {str(name == "code").lower()}\n'
        for name in HEADER.split(",")
    ),
}
GROUP = 'kind = "import"\ndescriptors = ["articles"]\non_problem = "{}"\ninbox = {{ settle = 0 }}\n'

PLAIN = 2
"""Good rows of a file that is hostile by its name alone."""
ROWS = {b"utf8_cut_midchar.csv"}
"""Samples that are refused as a whole, or row by row with none left: a cut may fall anywhere."""
ROOTED = {"mode_000.csv"} if os.geteuid() == 0 else set()
"""What is no hazard to root, who may read everything."""


@dataclass(frozen=True)
class Sample:
    """One sample, and what the manifest asks."""

    category: str
    name: bytes
    asked: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{self.category}/{self.name!r}"


def made(folder: Path) -> list[Sample]:
    """Make the samples."""
    script = HOSTILE / "make_hostile.py"
    command = [sys.executable, str(script), str(folder), "--fs", "--only", "zip,csv"]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads((folder / "manifest.json").read_text("utf-8"))["samples"]
    return [
        Sample(one["category"], raw(one), one)
        for one in found
        if one["category"] in GROUPS and not one["note"].startswith("NOT CREATED")
    ]


def raw(sample: dict[str, Any]) -> bytes:
    """The name of a sample, which need not be text."""
    if "raw_name_hex" in sample:
        return bytes.fromhex(sample["raw_name_hex"])
    return os.fsencode(sample["path"].partition("/")[2])


def good(number: int) -> bytes:
    """A file with one record of its own."""
    return f"{HEADER}\nGOOD-{number:03d},Good {number},1.50,{number}\n".encode()


def site_of(home: Path, policy: str) -> Site:
    """An instance with an inbox for each category."""
    return Site(home, ETC | {f"groups/{name}.toml": GROUP.format(policy) for name in GROUPS})


def dropped(site: Site, folder: Path, samples: list[Sample]) -> dict[tuple[str, bytes], str]:
    """Move all samples into the inboxes, good files between them; gives the hashes of files."""
    hashes = {}
    for name in GROUPS:
        (site.var / "inbox" / name).mkdir(parents=True)
    for sample in samples:
        source = os.fsencode(folder / sample.category) + b"/" + sample.name
        target = os.fsencode(site.var / "inbox" / sample.category) + b"/" + sample.name
        os.rename(source, target)
        status = os.lstat(target)
        if stat.S_ISREG(status.st_mode) and status.st_size < SPARSE:
            data = Path(os.fsdecode(target)).read_bytes()
            hashes[sample.category, sample.name] = hashlib.sha256(data).hexdigest()
    for number in range(len(GROUPS) * GOOD):
        initial = chr(ord("a") + number // len(GROUPS))  # so that they lie between the others
        name = f"{initial}-good-{number:03d}.csv"
        site.drop(name, good(number), group=GROUPS[number % len(GROUPS)])
    return hashes


def loaded(run: dict[str, Any]) -> int:
    """How many rows of a run are in the table."""
    counts = run["counts"].get("article", {})
    return sum(counts.get(name, 0) for name in ("inserted", "updated", "unchanged"))


def faults(sample: Sample, run: dict[str, Any] | None, *, atomic: bool) -> Iterator[str]:
    """Say what is wrong with what became of a sample."""
    expected, rows = sample.asked["expect"], sample.asked.get("good_rows", PLAIN)
    if run is None:
        if expected not in ("ignore", "defer"):
            yield "was not taken"
        return
    if expected in ("ignore", "defer"):
        yield "was taken"
    state, count = run["state"], loaded(run)
    if state not in ("archived", "rejected", "failed"):
        yield f"is {state}"
    if state != "archived":
        if count:
            yield f"is {state}, and {count} rows are loaded"
        if run["code"] not in set(Code):
            yield f"is {state} without a code: {run['code']}"
        if not run["message"] or not run["message"].isprintable():
            yield f"is {state} without words: {run['message']!r}"
    if sample.asked.get("policy_decides") or (not atomic and sample.name in ROWS and not count):
        return
    if expected == "import" and (state != "archived" or count != rows):
        yield f"is {state} ({run['code']}) with {count} rows, not {rows}"
    if expected == "reject" and state == "archived":
        yield f"is loaded with {count} rows"
    if expected == "partial" and atomic and state != "rejected":
        yield f"is {state} although one row is bad"
    if expected == "partial" and not atomic and (state != "archived" or count != rows):
        yield f"is {state} ({run['code']}) with {count} rows, not {rows}"


@pytest.mark.parametrize("policy", ["reject-row", "reject-drop"])
def test_all_samples_in_the_inboxes_of_one_daemon_end_well(tmp_path: Path, policy: str) -> None:
    samples = made(tmp_path / "samples")
    site = site_of(tmp_path / "site", policy)
    hashes = dropped(site, tmp_path / "samples", samples)
    said = site.drain()
    columns = "id, group_name, raw_name, state, code, message, counts, place"
    runs = {
        (row[1], bytes(row[2])): dict(zip(columns.split(", "), row, strict=True))
        | {"counts": json.loads(row[6] or "{}")}
        for row in site.query(f"SELECT {columns} FROM run")
    }
    assert len(runs) == site.query("SELECT count(*) FROM run")[0][0], "one run for each drop"
    wrong = [
        f"{sample.path} {fault}"
        for sample in samples
        if os.fsdecode(sample.name) not in ROOTED
        for fault in faults(
            sample, runs.get((sample.category, sample.name)), atomic=policy == "reject-drop"
        )
    ]
    assert not wrong, "\n".join(wrong)

    mine = site.query("SELECT code FROM article WHERE code LIKE 'GOOD-%' ORDER BY code")
    assert mine == [(f"GOOD-{number:03d}",) for number in range(len(GROUPS) * GOOD)]
    strays = "SELECT count(*) FROM article WHERE _changed NOT IN (SELECT id FROM run WHERE {})"
    assert site.query(strays.format("state = 'archived'")) == [(0,)]

    for key, run in runs.items():
        place = os.fsencode(site.var / run["place"])
        assert os.path.lexists(place), (key, run)
        if key in hashes and run["code"] != Code.MULTIPLE_LINKS:
            data = Path(os.fsdecode(place)).read_bytes()
            assert hashlib.sha256(data).hexdigest() == hashes[key], key
    kept = {(sample.category, sample.name) for sample in samples} - runs.keys()
    still = {(name, entry) for name in GROUPS for entry in os.listdir(inbox(site, name))}
    assert still == kept
    assert [site.lying(room) for room in ("work", "tmp")] == [[], []]
    printable(said)
    printable(site.call("runs", "--limit", "1000").stdout)
    printable(site.call("runs", "--limit", "1000", "--json").stdout)
    assert not CANARY.exists()


def inbox(site: Site, group: str) -> bytes:
    return os.fsencode(site.var / "inbox" / group)


def printable(text: str) -> None:
    """Hold it that no sample speaks to the terminal."""
    assert "Traceback" not in text, text
    assert "root:x:0:0" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


COMMANDED = {
    "zip/slip_dotdot.zip": "unsafe_member_name",
    "zip/wrong_crc_20k_rows.zip": "bad_crc",
    "zip/bomb_quoted_overlap_small.zip": "overlapping_members",
    "zip/half_uploaded.zip": "incomplete",
    "csv/unterminated_quote.csv": "malformed",
    "csv/invalid_utf8_line_5000.csv": "encoding",
    "csv/one_line_64MB.csv": "line_too_long",
    "csv/ragged_long.csv": "ragged_row",
    "fs/link_passwd.csv": "not_regular",
    "fs/fifo.csv": "not_regular",
    "fs/sparse_10GB.csv": "too_large",
}
"""One sample of each kind, with the code that its refusal is said with."""


def test_a_sample_given_to_the_command_is_refused_with_its_code(tmp_path: Path) -> None:
    made(tmp_path / "samples")
    site = site_of(tmp_path / "site", "reject-drop")
    for name, code in COMMANDED.items():
        path = tmp_path / "samples" / name
        done = site.call("import", name.partition("/")[0], str(path), seconds=60)
        assert done.returncode == 1, (name, done)
        assert code in done.stdout + done.stderr, (name, done)
        printable(done.stdout + done.stderr)
        assert os.path.lexists(path)
    assert site.query("SELECT count(*) FROM article") == [(0,)]
    assert [site.lying(room) for room in ("work", "tmp")] == [[], []]
    assert not CANARY.exists()
