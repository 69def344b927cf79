"""
What programs are told when something is not done: problem documents (RFC 9457).

Each has `title`, `detail` and `hint`; of the configuration `mistakes`, of a request `errors`.
"""

from collections.abc import Sequence
from typing import Any, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails

from impexd.admin import acting
from impexd.admin.throttle import TooMany
from impexd.core.errors import (
    Busy,
    ConfigError,
    DataError,
    ImpexError,
    UsageError,
    WorldError,
)
from impexd.core.text import shown
from impexd.model.faults import words

_STATUS: tuple[tuple[type[ImpexError], int], ...] = (
    (acting.Denied, 403),
    (TooMany, 429),
    (UsageError, 404),
    (DataError, 422),
    (ConfigError, 422),
    (Busy, 409),
    (WorldError, 503),
)


_SAID = {
    400: "this is no request that could be read",
    401: "sign in first",
    403: "not for who asks",
    404: "there is no such thing",
    405: "there is such a thing, but not with this method",
    409: "not now: something else goes on with it",
    413: "more bytes than are taken at once",
    421: "this is not the name of this server",
    422: "something is wrong with what was sent",
    429: "too often",
    503: "the instance cannot do it at the moment; the hint says what to do",
}
_SCHEMA = {
    "type": "object",
    "required": ["status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "exit": {"type": "integer"},
        "code": {"type": "string"},
        "received": {"type": "integer"},
        "mistakes": {"type": "array", "items": {"type": "string"}},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
DECLARED: dict[int | str, dict[str, Any]] = {
    status: {"description": said, "content": {"application/problem+json": {"schema": _SCHEMA}}}
    for status, said in _SAID.items()
}
"""The answers that any route may give beside its own, for the OpenAPI document."""


def answers(kind: str, said: str = "the file") -> dict[int | str, dict[str, Any]]:
    """Pure: the answer of a route that gives bytes of a content type, for the OpenAPI document."""
    return {200: {"description": said, "content": {kind: {}}}}


def document(status: int, what: str, hint: str) -> JSONResponse:
    """Pure: what the door says to programs."""
    told = {
        "type": "about:blank",
        "title": "Denied" if status in (401, 403) else "UsageError",
        "status": status,
        "detail": what,
        "hint": hint,
    }
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(told, status, headers, media_type="application/problem+json")


def invalid(error: RequestValidationError) -> JSONResponse:
    """Pure: what is wrong with a request, each thing with its place, and nothing said back of it."""
    wrong = [
        {"loc": [str(part) for part in one["loc"]], "msg": str(one["msg"])}
        for one in error.errors()
    ]
    inner = [one | {"loc": one["loc"][1:]} for one in error.errors()]
    plain = words.plain(cast(Sequence[ErrorDetails], inner))
    said = "; ".join(f"{place}: {what}" if place else what for place, what in plain)
    told = {
        "type": "about:blank",
        "title": "UsageError",
        "status": 422,
        "detail": shown(said, limit=1000),
        "hint": "",
        "exit": 2,
        "errors": wrong,
    }
    return JSONResponse(told, 422, media_type="application/problem+json")


async def unfit(_request: Request, error: Exception) -> JSONResponse:
    """A request that does not have the form that is asked for, as a problem document."""
    if not isinstance(error, RequestValidationError):
        raise error
    return invalid(error)


async def plain(_request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses (a body that is no text, a method that is none) as a problem document."""
    status = getattr(error, "status_code", 400)
    return document(status, str(getattr(error, "detail", "") or _SAID[400]), "")


async def ours(_request: Request, error: Exception) -> JSONResponse:
    """An error of ours as a problem document."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": status,
        "detail": str(error),
        "hint": getattr(error, "hint", ""),
        "exit": getattr(error, "exit_code", 1),
    }
    if isinstance(error, ConfigError):
        told["mistakes"] = list(error.mistakes)
    if isinstance(error, DataError):
        told["code"] = error.code
    return JSONResponse(told, status, media_type="application/problem+json")
