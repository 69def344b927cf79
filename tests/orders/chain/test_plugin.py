"""An exporter of somebody else's package: installed, found by its entry point, checked, told."""

import asyncio
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.crash.chain_drill import seed
from tests.processes import Site

SOURCE = Path(__file__).parents[2] / "data" / "fax" / "acme_fax.py"
ABOUT = "Metadata-Version: 2.1\nName: acme-fax\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
POINTS = "[impexd.exporters]\nfax = acme_fax:Fax\n"
FAX = 'type = "fax"\nflags = ["INITPAID"]\n[fax]\nnumber = "{number}"\nmachine = "{machine}"\n'


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The package, built as a wheel and installed by pip into a folder of its own."""
    home = tmp_path_factory.mktemp("fax")
    wheel = home / "acme_fax-1.0-py3-none-any.whl"
    about = {"METADATA": ABOUT, "WHEEL": WHEEL, "entry_points.txt": POINTS, "RECORD": ""}
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(SOURCE, "acme_fax.py")
        for name, text in about.items():
            archive.writestr(f"acme_fax-1.0.dist-info/{name}", text)
    target = home / "installed"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    return str(target)


def site(home: Path, number: str) -> Site:
    """An instance that faxes its paid orders."""
    text = FAX.format(number=number, machine=home / "machine.txt")
    return Site(home / "site", {"impexd.toml": "", "exporters/supplier.toml": text})


def test_without_its_package_its_type_is_not_known(tmp_path: Path) -> None:
    done = site(tmp_path, "+49 30 1").call("check")
    assert done.returncode == 78
    assert "etc/exporters/supplier.toml:1: type: there is no exporter of type `fax`" in done.stderr


def test_its_own_settings_are_checked_with_file_and_line(tmp_path: Path, installed: str) -> None:
    done = site(tmp_path, "030 1").call("check", PYTHONPATH=installed)
    assert done.returncode == 78
    where = "etc/exporters/supplier.toml:4: fax.number: a number that begins with + is wanted here"
    assert where in done.stderr


def test_it_is_told_of_orders_like_any_other(tmp_path: Path, installed: str) -> None:
    place = site(tmp_path, "+49 30 1")
    assert place.call("check", PYTHONPATH=installed).returncode == 0
    place.drain(PYTHONPATH=installed)
    asyncio.run(seed(place.var / "impexd.db", 2))
    place.drain(PYTHONPATH=installed)
    lines = (tmp_path / "machine.txt").read_text().splitlines()
    [(key,), *_] = place.query("SELECT key FROM task ORDER BY id")
    assert sorted(line.rpartition(" ")[2] for line in lines) == ["O-00000", "O-00001"]
    assert any(f"+49 30 1 {key} order" in line for line in lines)
    assert place.query("SELECT DISTINCT state, ref FROM task") == [("done", "page 1")]
