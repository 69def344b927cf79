"""What has been, over the API: taking a run back, and where a record comes from."""

from typing import Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from impexd.admin.acting import Actor
from impexd.admin.house import House
from impexd.admin.ids import Id
from impexd.imports import record, undo
from impexd.model.base import Model


class Undo(Model):
    """A run to be taken back."""

    dry: bool = False
    """Only say what it would do."""
    actor: Actor = None
    note: str | None = Field(default=None, max_length=1000)


def routes(made: FastAPI, house: House) -> None:
    """Add these to the application."""

    @made.post("/api/v1/runs/{id}/undo", responses={202: {"description": "it is being undone"}})
    async def take_back(id: Id, wanted: Undo) -> JSONResponse:
        if wanted.dry:
            return JSONResponse(await undo.plan(house.bench, id))
        run = await undo.ask(house.bench, house.queue, id, actor=wanted.actor, note=wanted.note)
        return JSONResponse({"run": run}, 202)

    @made.get("/api/v1/records/{entity}")
    async def provenance(
        entity: str,
        key: list[str] = Query(default=[]),  # noqa: B008 (FastAPI's way)
    ) -> dict[str, Any]:
        return await record.of(house.store, house.bench.config.catalogue, entity, key)
