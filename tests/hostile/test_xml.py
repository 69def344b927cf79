"""Every hostile sample of XML, at the level of bytes to rows: how it ends, and what it costs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.shared import HOSTILE

ROOT = Path(__file__).parents[2]

OTHERWISE = {"malformed_or_empty": "value_too_long"}
"""A comment of 20 MB is refused for its length, before anybody knows whether it ends."""

MOST = 150
"""Megabytes that reading any of them may take, the interpreter included."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    script = HOSTILE / "make_hostile.py"
    command = [sys.executable, str(script), str(folder), "--only", "xml"]
    subprocess.run(command, check=True, capture_output=True)
    return folder, json.loads((folder / "manifest.json").read_text())["samples"]


def read(paths: list[Path], seconds: float) -> list[dict[str, Any]]:
    """Read files in a process of their own; it has to end in time."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.xml_reader"],
        input="\n".join(map(str, paths)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds,
        cwd=ROOT,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_sample_ends_as_it_should(samples: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, all_of_them = samples
    seconds = sum(sample["max_seconds"] for sample in all_of_them)
    answers = read([folder / sample["path"] for sample in all_of_them], seconds)
    wrong = []
    for sample, got in zip(all_of_them, answers, strict=True):
        reason = OTHERWISE.get(sample["reason"], sample["reason"])
        codes = [reason] if reason else []
        wanted = {"end": sample["expect"], "rows": sample["good_rows"], "codes": codes}
        peak = got.pop("peak")
        if (got != wanted and not sample["policy_decides"]) or peak > MOST:
            wrong.append(f"{sample['path']}: {got} in {peak} MB, not {wanted}")
    assert not wrong, "\n".join(wrong)
    assert len(all_of_them) > 40


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    paths = []
    for count in (1000, 100_000):
        paths.append(tmp_path / f"{count}.xml")
        with paths[-1].open("w") as out:
            out.write("<products>\n")
            for n in range(count):
                cells = f"<code>{n}</code><name>Product {n}</name><price>{n}.50</price>"
                out.write(f"<product>{cells}<stock>1</stock><x><y>{n}</y></x></product>\n")
            out.write("</products>\n")
    small, large = read(paths, 120)
    assert (small["rows"], large["rows"]) == (1000, 100_000)
    assert large["peak"] - small["peak"] < 15
