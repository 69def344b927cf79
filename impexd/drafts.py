"""
Descriptors by example, apart from how they are printed.

`describe` makes a configuration from a sample file, `templates` makes sample files from a
configuration.  Neither needs a daemon, a database or an instance.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impexd import config as configuration
from impexd import setup
from impexd.config import Config
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.imports import unpack
from impexd.imports.describe import look
from impexd.imports.describe import run as describing
from impexd.imports.describe.propose import Taken, Wish
from impexd.imports.describe.run import Described
from impexd.imports.sample import run as sampling
from impexd.imports.sample.run import Made
from impexd.model.entity import Catalogue
from impexd.model.limits import Limits

MAIN = "impexd.toml"
FRESH = "# Everything here has a default; `impexd init DIR` writes an instance with every key explained.\n"


@dataclass(frozen=True, slots=True)
class Ground:
    """The configuration that a sample is described for."""

    catalogue: Catalogue
    limits: Limits
    taken: Taken
    fresh: bool = False
    """Is there none yet?"""


def ground(source: Path, out: Path | None) -> Ground:
    """Find the configuration: that of `out`, else the one at hand, else the shipped example."""
    if out is not None:
        if not (out / MAIN).exists():
            return Ground({}, Limits(), Taken(), fresh=True)
        source = out
    elif not source.exists():
        config = configuration.load(setup.sample())
        return Ground(config.catalogue, config.instance.limits, Taken())
    config = configuration.load(source)
    taken = Taken(
        frozenset(_stems(config, "entities")),
        frozenset(config.descriptors),
        frozenset(config.groups),
    )
    return Ground(config.catalogue, config.instance.limits, taken)


def _stems(config: Config, folder: str) -> list[str]:
    """Name the files that are there, whatever stands in them."""
    found = (config.etc / folder).glob("*.toml")
    return [path.stem for path in found]


async def describe(path: Path, ground: Ground, wish: Wish) -> Described:
    """Describe a sample file; `UsageError` if there is none, `DataError` if it cannot be read."""
    _refuse_odd(path)
    try:
        with unpack.files(path, path.name, ground.limits, "cp437") as found:
            files = [look.opened(one.name, one.size, one.open, ground.limits) for one in found]
            return await describing.describe(
                files,
                path.name,
                ground.catalogue,
                ground.limits,
                wish=wish,
                taken=ground.taken,
            )
    except OSError as error:
        raise UsageError(f"{_told(path)} cannot be read: {error.strerror}") from error


def write(described: Described, out: Path, *, fresh: bool) -> list[Path]:
    """
    Write what was described into an etc folder, nothing over what is there; give the paths.

    Raises `UsageError` if one of the files is there already, with nothing written.
    """
    texts: dict[str, str] = {MAIN: FRESH} if fresh else {}
    texts |= described.texts
    paths = {out / name: text for name, text in texts.items()}
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{_told(path)} is there already", hint="nothing is overwritten")
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UsageError(f"{_told(out)} cannot be written: {error.strerror}") from error
    configuration.load(out)
    return list(paths)


def summary(described: Described) -> dict[str, Any]:
    """Pure: what was found out, as one JSON object."""
    return {
        "group": described.group,
        "files": [
            {
                "file": one.sheet.file.name,
                "rows": described.rows[one.name],
                "descriptor": one.name,
                "entity": one.kind.name,
                "own": one.own,
                "key": one.named(),
                "columns": [
                    {
                        "from": one.source(filled.column),
                        "to": filled.target,
                        "type": one.sheet.columns[filled.column].kind.type.value,
                        "ref": one.kind.fields[filled.field].ref,
                    }
                    for filled in one.filled
                ],
                "doubts": list(described.doubts[one.name]),
                "left": [one.source(column) for column in sorted(one.left)],
            }
            for one in described.designs
        ],
        "passed_over": dict(described.passed_over),
    }


def templates(source: Path, group: str) -> Made:
    """Make the templates of a group; `UsageError` if there is no such group."""
    config = configuration.load(source)
    wanted = config.groups.get(group)
    if wanted is None:
        known = ", ".join(sorted(config.groups)) or "none"
        what = f"there is no import group {shown(group, limit=80)}"
        raise UsageError(what, hint=f"there are: {known}")
    return sampling.make(wanted, config.descriptors, config.catalogue)


def save(files: Mapping[str, bytes], out: Path) -> list[Path]:
    """Write templates into a folder, nothing over what is there; give the paths."""
    paths = {out / name: data for name, data in files.items()}
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{_told(path)} is there already", hint="--out names another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, data in paths.items():
            with path.open("xb") as file:
                file.write(data)
    except OSError as error:
        raise UsageError(f"{_told(out)} cannot be written: {error.strerror}") from error
    return list(paths)


def _refuse_odd(path: Path) -> None:
    """Refuse what is no regular file: opening a pipe would wait for ever."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (a path with a NUL is told as any other)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no path"
        raise UsageError(f"{_told(path)} cannot be read: {reason}") from error
    if stat.S_ISDIR(mode):
        raise UsageError(f"{_told(path)} is a folder", hint="give a file, or pack them as a zip")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{_told(path)} is no regular file")


def _told(path: Path) -> str:
    return shown(str(path), limit=200)
