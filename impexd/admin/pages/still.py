"""
Style, scripts and icons: files of the package, read once, served under the hash of what they hold.

Only names that were there at the start are served, so a path leads nowhere else.  htmx, its
extension for server-sent events and uPlot are copies of their npm packages; `static/NOTICE` says which.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.core.errors import UsageError

HOME = Path(__file__).parent.parent / "static"


@dataclass(frozen=True, slots=True)
class Still:
    """One file."""

    body: bytes
    packed: bytes
    kind: str
    hash: str


@lru_cache(maxsize=1)
def files() -> dict[str, Still]:
    """Read all files."""
    found = {}
    for path in sorted(HOME.iterdir()):
        body = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "text/plain"
        hash = hashlib.sha256(body).hexdigest()[:12]
        found[path.name] = Still(body, gzip.compress(body, mtime=0), kind, hash)
    return found


def path(name: str) -> str:
    """Give the path of a file; it changes with what the file holds."""
    return f"/static/{files()[name].hash}/{name}"


def routes(made: FastAPI) -> None:
    """Add the route."""

    @made.get("/static/{hash}/{name}", include_in_schema=False)
    async def still(request: Request, hash: str, name: str) -> Response:
        found = files().get(name)
        if found is None or found.hash != hash:
            raise UsageError("there is no such file")
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
        }
        if packed:
            headers["content-encoding"] = "gzip"
        body = found.packed if packed else found.body
        return Response(body, media_type=found.kind, headers=headers)
