"""
The JSON API, version 1: the same for commands, programs and pages.

Takes an open instance; gives an ASGI application.  What is not done is told as `refusals` has it;
its OpenAPI document says so of every route.
"""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from impexd import __version__
from impexd.admin import (
    answers,
    browse,
    descriptors,
    downloads,
    exporting,
    feeds,
    following,
    groups,
    health,
    history,
    journal,
    keep,
    nodes,
    notices,
    orders,
    people,
    refusals,
    runs,
    schedule,
    standing,
    tasks,
    uploads,
)
from impexd.admin.house import House
from impexd.core.errors import ImpexError

ROOMS = (
    standing,
    journal,
    health,
    answers,
    notices,
    nodes,
    keep,
    history,
    schedule,
    exporting,
    tasks,
    feeds,
    orders,
    people,
    uploads,
    downloads,
    following,
    runs,
    groups,
    browse,
    descriptors,
)


def app(house: House) -> FastAPI:
    """Make the application for an instance."""
    made = FastAPI(
        title="impexd",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses=refusals.DECLARED,
    )
    made.add_exception_handler(ImpexError, refusals.ours)
    made.add_exception_handler(HTTPException, refusals.plain)
    made.add_exception_handler(RequestValidationError, refusals.unfit)
    for room in ROOMS:
        room.routes(made, house)
    return made
