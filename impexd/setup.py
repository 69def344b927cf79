"""
A new instance: the sample configuration that travels with the package, written to a folder.

It is the same `etc/` that the repository holds and its tests run, every key explained.
"""

import shutil
import sys
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


USERS = """# systemd-sysusers makes the user that the service runs as
u impexd - "impexd import/export daemon" /var/lib/impexd /usr/sbin/nologin
"""
FOLDERS = """# systemd-tmpfiles makes the folders of the service, and keeps their modes
d /var/lib/impexd       0700 impexd impexd -
d /etc/impexd           0750 root   impexd -
Z /etc/impexd           -    root   impexd -
d /etc/impexd/credentials 0700 root root -
"""


def unit() -> Path:
    """Find the unit: inside an installed package, or beside a checkout's."""
    inside = _HOME / "impexd.service"
    return inside if inside.is_file() else _HOME.parent / "impexd.service"


def system(root: Path, program: str | None = None) -> list[Path]:
    """
    Lay out a service below `root` (`/`, or a folder to look at): configuration, state, unit, its user.

    `program` is the command that the unit starts; this one if None.  Raises `UsageError` if there is a
    configuration already.  Gives the files written.
    """
    target = root / "etc/impexd"
    if (target / "impexd.toml").exists():
        what = f"{target} has a configuration already"
        raise UsageError(what, hint="nothing is overwritten; `impexd check` looks at it")
    shutil.copytree(sample(), target, dirs_exist_ok=True)
    main = target / "impexd.toml"
    text = main.read_text("utf-8")
    main.write_text(text.replace('# var  = "../var"   ', 'var = "/var/lib/impexd"'), "utf-8")
    for path in (target, *target.rglob("*")):
        path.chmod(0o750 if path.is_dir() else 0o640)
    var = root / "var/lib/impexd"
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    var.chmod(0o700)
    started = program or str(Path(sys.argv[0]).resolve())
    texts = {
        "etc/systemd/system/impexd.service": unit()
        .read_text("utf-8")
        .replace("/usr/bin/impexd", started),
        "etc/sysusers.d/impexd.conf": USERS,
        "etc/tmpfiles.d/impexd.conf": FOLDERS,
    }
    for name, said in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said, "utf-8")
    files = [path for path in sorted(target.rglob("*")) if path.is_file()]
    return [*files, *(root / name for name in texts)]
