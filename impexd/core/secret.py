"""
Secrets, fetched from where they are kept: a private file, a systemd credential, the environment.

Configuration, journal and logs know the place only; the secret is fetched where it is used.
"""

import errno
import os
import stat
from pathlib import Path

from impexd.core.text import shown

LONGEST = 64 << 10


def fetched(
    home: Path, *, file: str | None = None, credential: str | None = None, env: str | None = None
) -> tuple[str, str]:
    """
    Give a secret and "", or "" and what is wrong with its place.

    `home` is the folder that a relative path of a file stands below.
    """
    if env is not None:
        text = os.environ.get(env, "").strip()
        return text, "" if text else f"the environment has no {env}"
    if file is not None:
        path = home / file
    elif credential is not None:
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            return "", "credentials are there only under systemd (LoadCredential=)"
        path = Path(folder) / credential
    else:
        return "", "there is no place for the secret"
    name = f"`{shown(str(path), limit=80)}`"
    try:
        text = regular(path, LONGEST, private=True).decode().strip()
    except OSError as error:
        return "", f"{name} cannot be read: {error.strerror}"
    except ValueError:
        return "", f"{name} holds no text"
    return text, "" if text else f"{name} is empty"


def regular(path: Path, most: int, *, private: bool = False) -> bytes:
    """Read a regular file, one byte more than `most` at most; OSError if it is none, or not private."""
    # Non-blocking, because a FIFO would keep us waiting.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if private and about.st_mode & 0o077:
            what = "others than its owner may read it too, chmod 600 mends that"
            raise OSError(errno.EACCES, what)
        with open(handle, "rb", closefd=False) as file:
            return file.read(most + 1)
    finally:
        os.close(handle)
