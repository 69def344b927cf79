"""
The ways to a target elsewhere: SFTP and S3, each behind the same door.

A complete file goes over under a name that nobody looks at (`upload`), and is then given its own
(`place`), which replaces nothing.  Who carries on after a crash says `again`, and gets an answer
that is true whatever the last attempt came to.  Everything a peer does wrong is a `WorldError`
with a hint: it is tried again, and may be mended meanwhile.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from impexd.exports.targets import s3, sftp
from impexd.exports.targets.carrier import Carrier
from impexd.model.target import Target


@asynccontextmanager
async def opened(target: Target, home: Path) -> AsyncIterator[Carrier]:
    """Open the way to a target for as long as the block lasts; relative paths stand below `home`."""
    if target.kind == "sftp":
        async with sftp.opened(target, home) as carrier:
            yield carrier
    else:
        yield await s3.opened(target, home)
