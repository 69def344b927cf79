"""Which small files may be carried as one: those that have nothing to do with each other."""

from dataclasses import replace
from pathlib import Path

import pytest

from impexd import config as configuration
from impexd.imports import bundle
from impexd.model.config import Config
from impexd.model.run import Run, State
from tests.flows import goods
from tests.flows.place import write
from tests.flows.told import column, descriptor, record

NODES = descriptor("node", "code", "up", match="nodes.*")
BRANDS = descriptor("brand", "name", match="brands.*")
TITLES = descriptor("product", "code", "title", match="titles.*")


def config(home: Path, *descriptors: str) -> Config:
    write(home, {"impexd.toml": ""} | goods.etc(*descriptors))
    return configuration.load(home / "etc")


def run(config: Config, name: str, id: int = 1, **said: object) -> Run:
    plain = {
        "id": id,
        "token": f"{id:032x}",
        "kind": "import",
        "group": "shop",
        "state": State.CLAIMED,
        "origin": "inbox",
        "name": name,
        "bytes": 100,
        "sha256": f"{id:064x}",
        "config": config.hash,
        "attempt": 0,
        "crashes": 0,
        "forced": False,
        "dry": False,
        "approved": False,
        "planned_at": None,
        "parent": None,
        "code": None,
        "message": None,
        "problems": 0,
        "counts": {},
        "place": None,
        "created": "",
        "started": None,
        "finished": None,
        "note": None,
        "actor": None,
    }
    return Run(**(plain | said))  # type: ignore[arg-type]


def names(config: Config, *files: str) -> list[str]:
    runs = [run(config, name, id) for id, name in enumerate(files, 1)]
    return [one.name for one in bundle.together(runs, config)]


def test_small_files_of_one_kind_go_together(tmp_path: Path) -> None:
    found = config(tmp_path, goods.products())
    files = [f"products-{n}.csv" for n in range(300)]
    assert names(found, *files) == files[: bundle.MOST]


SPECIAL = {
    "dry": {"dry": True},
    "forced": {"forced": True},
    "approved": {"approved": True},
    "a child": {"parent": 7},
    "named by a command": {"origin": "api"},
    "of another configuration": {"config": "0" * 64},
    "large": {"bytes": bundle.SMALL},
    "of unknown size": {"bytes": None},
    "once at a crash": {"crashes": 1},
    "an archive": {"name": "products.zip"},
    "a workbook": {"name": "products.xlsx"},
    "mended": {"name": "products.rejects-3.csv"},
    "nobody's": {"name": "other.csv"},
    "the same bytes": {"sha256": f"{1:064x}"},
}


@pytest.mark.parametrize("said", SPECIAL.values(), ids=SPECIAL)
def test_what_is_special_ends_a_bundle_and_goes_alone(
    tmp_path: Path, said: dict[str, object]
) -> None:
    found = config(tmp_path, goods.products())
    runs = [run(found, f"products-{n}.csv", n) for n in (1, 2, 3, 4)]
    runs[2] = replace(runs[2], **said)  # type: ignore[arg-type]
    assert bundle.together(runs, found) == runs[:2]


def test_files_of_two_kinds_go_together_only_if_neither_points_at_the_other(
    tmp_path: Path,
) -> None:
    apart = config(tmp_path / "a", TITLES, BRANDS)
    assert len(names(apart, "titles.csv", "brands.csv", "titles2.csv")) == 3
    bound = config(tmp_path / "b", goods.products(), BRANDS)  # a product has a brand
    assert names(bound, "brands.csv", "brands2.csv", "products.csv") == [
        "brands.csv",
        "brands2.csv",
    ]
    twice = config(tmp_path / "c", TITLES, goods.products())
    assert names(twice, "titles.csv", "products.csv") == ["titles.csv"]


LONERS = {
    "records that point at their like": NODES,
    "complete lists": descriptor("brand", "name", match="x.*", mode="replace"),
    "lists of what is to go": descriptor("brand", "name", match="x.*", mode="delete"),
    "a mode for each row": descriptor("brand", "name", match="x.*", mode_column="m"),
    "parents that are made": descriptor(
        "product", "code", column("brand", missing="create"), match="x.*"
    ),
    "rows that wait": descriptor("product", "code", column("brand", missing="park"), match="x.*"),
    "two records of one entity": descriptor(
        None,
        match="x.*",
        records=record("brand", column("name")) + record("brand", column("other", "name")),
    ),
}


@pytest.mark.parametrize("descriptor", LONERS.values(), ids=LONERS)
def test_files_that_depend_on_their_order_go_alone(tmp_path: Path, descriptor: str) -> None:
    assert names(config(tmp_path, descriptor), "nodes.csv", "x1.csv", "x2.csv") == []
