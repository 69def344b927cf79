"""A backup over the API, for who sits at this machine."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI

from impexd.admin import acting
from impexd.admin.acting import Denied
from impexd.admin.house import House
from impexd.model.base import Model
from impexd.upkeep import backup


class Wanted(Model):
    """Where the backup is to be."""

    path: str


def routes(made: FastAPI, house: House) -> None:
    """Add the route."""

    @made.post("/api/v1/backup")
    async def write(wanted: Wanted) -> dict[str, Any]:
        if (
            acting.who().person is not None
        ):  # a path on this machine is nothing to be told from afar
            raise Denied(
                "a backup is written by a command on the machine itself", hint="impexd backup"
            )
        return await backup.write(house, Path(wanted.path))
