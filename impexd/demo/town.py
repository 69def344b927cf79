"""
A courier and a partner, played on this machine: real HTTP on a port of the loopback.

The partner takes orders (`POST /orders`) and remembers each key, as good partners do.  The courier
answers `GET /said` with what it has said of parcels so far; it says it has shipped and delivered a
parcel once it was `handed` over.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from impexd.core import asgi

OUTBOUND = """[outbound]
http = ["127.0.0.1"]           # the courier and the partner that the demo plays on this machine
private = ["127.0.0.1"]
ports = [443, "1024-65535"]
"""
FEED = """# The courier that the demo plays; it is there only while `impexd demo` runs.
kind = "rest"
label = "Demo courier"
map = "courier"
url = "{url}/said"
every = "1 min"
"""
PARTNER = """# The partner that the demo plays: told of every paid order, and when it is completed.
type = "http"
label = "Demo partner"
flags = ["INITPAID", "COMPLETED"]
[http]
url = "{url}/orders"
[http.answer]
ref = "reference"
"""


@dataclass(slots=True)
class Town:
    """What happens outside the shop."""

    url: str
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Idempotency key -> what the partner was told with it."""
    said: list[dict[str, Any]] = field(default_factory=list)
    """What the courier has said so far, oldest first."""

    def handed(self, order: str, sku: str, quantity: int) -> None:
        """Hand a parcel to the courier: it says that it moves, and that it arrived."""
        for status in ("shipped", "delivered"):
            moment = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.said.append(
                {
                    "order_number": order,
                    "status": status,
                    "happened": moment,
                    "tracking": "DEMO1234567",
                    "sku": sku,
                    "quantity": quantity,
                }
            )


def written(etc: Path, url: str) -> None:
    """Make courier and partner known to an instance that has just been written."""
    main = etc / "impexd.toml"
    main.write_text(main.read_text(encoding="utf-8").replace("[outbound]\n", OUTBOUND, 1), "utf-8")
    for place, text in (("feeds/demo-courier", FEED), ("exporters/demo-partner", PARTNER)):
        path = etc / f"{place}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(url=url), encoding="utf-8")


@asynccontextmanager
async def lively() -> AsyncIterator[Town]:
    """Play courier and partner for as long as the block lasts."""
    with asgi.bound("127.0.0.1", 0) as listener:
        town = Town(f"http://127.0.0.1:{listener.getsockname()[1]}")
        async with asgi.served(_app(town), listener, grace=1, proxy_headers=False):
            yield town


def _app(town: Town) -> FastAPI:
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @made.get("/said")
    async def said() -> list[dict[str, Any]]:
        return town.said

    @made.post("/orders")
    async def told(request: Request) -> dict[str, str]:
        town.told.setdefault(request.headers.get("idempotency-key", ""), await request.json())
        return {"reference": f"PARTNER-{len(town.told)}"}

    return made
