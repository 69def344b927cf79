"""
Is it alive, is it ready, how is it: for supervisors and Prometheus, without a session.

Added to the local socket and to the admin listener alike.  Nothing told here is about a partner's data.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from impexd.admin import refusals
from impexd.admin.house import House
from impexd.upkeep import figures

PATIENCE = 5.0
"""Seconds in which the database must have answered."""


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/healthz")
    async def healthz() -> JSONResponse:
        alive = await house.pulse.alive(PATIENCE)
        return JSONResponse(
            {"alive": alive, "database": house.pulse.trouble or "ok"}, 200 if alive else 503
        )

    @made.get("/readyz")
    async def readyz() -> JSONResponse:
        alive = await house.pulse.alive(PATIENCE)
        ready = alive and not house.pulse.stopping and not house.pulse.trouble
        told: dict[str, Any] = {
            "ready": ready,
            "stopping": house.pulse.stopping,
            "database": house.pulse.trouble or "ok",
            "config_reload_failed": bool(house.mistakes),
        }
        return JSONResponse(told, 200 if ready else 503)

    @made.get("/metrics", response_class=Response, responses=refusals.answers("text/plain"))
    async def metrics() -> Response:
        from impexd.upkeep import exposition  # prometheus-client, which nothing else needs

        found = await figures.gathered(house, house.timing.woken)
        body = exposition.text(found, house.tally, house.bench.config.hash[:12])
        return Response(body, media_type=exposition.TYPE)
