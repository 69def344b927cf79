"""
A new instance: the sample configuration that travels with the package, written to a folder.

It is the same `etc/` that the repository holds and its tests run, every key explained.
"""

import shutil
from pathlib import Path

from impexd.core.errors import UsageError

_HOME = Path(__file__).parent


def found() -> Path:
    """Find the configuration: `etc/` here, else where a service has it."""
    for place in (Path("etc/impexd.toml"), Path("impexd.toml"), Path("/etc/impexd/impexd.toml")):
        if place.is_file():
            return place
    return Path("etc/impexd.toml")


def sample() -> Path:
    """Find the sample `etc/`: inside an installed package, or beside a checkout's."""
    inside = _HOME / "etc"
    return inside if inside.is_dir() else _HOME.parent / "etc"


def write(folder: Path) -> list[Path]:
    """
    Write `etc/` and `var/` below a folder; gives the files written, as far as they are new.

    Raises `UsageError` if there is an `etc/` already.
    """
    target = folder / "etc"
    if target.exists():
        raise UsageError(
            f"{target} exists already", hint="choose an empty folder; nothing is overwritten"
        )
    shutil.copytree(sample(), target)
    var = folder / "var"
    for room in ("inbox", "work", "archive", "failed", "outbox", "log"):
        (var / room).mkdir(parents=True, exist_ok=True)
    var.chmod(0o700)
    return sorted(path for path in target.rglob("*") if path.is_file())
