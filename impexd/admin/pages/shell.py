"""
What every page stands in: the templates, and how values are written in them.

Everything is escaped by the templates; text of partners has been through `core.text.shown`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from impexd import __version__
from impexd.admin import acting, refusals
from impexd.admin.pages import still
from impexd.admin.pages.asking import Refused
from impexd.core.errors import ImpexError, UsageError
from impexd.core.text import shown
from impexd.model.people import Role

if TYPE_CHECKING:
    import jinja2

HOME = Path(__file__).parent.parent / "templates"

PAGES = (
    ("/", "Overview"),
    ("/import", "Import"),
    ("/runs", "Runs"),
    ("/export", "Export"),
    ("/schedule", "Schedule"),
    ("/groups", "Groups"),
    ("/data", "Data"),
    ("/orders", "Orders"),
    ("/feeds", "Feeds"),
    ("/partners", "Partners"),
    ("/settings", "Settings"),
)
"""The menu."""

TONES: Mapping[str, str] = {
    "archived": "good",
    "applied": "good",
    "placed": "good",
    "amended": "good",
    "unchanged": "calm",
    "published": "good",
    "done": "good",
    "undone": "calm",
    "planned": "calm",
    "duplicate": "calm",
    "cancelled": "calm",
    "skipped": "calm",
    "held": "wait",
    "failed": "bad",
    "rejected": "bad",
    "refused": "bad",
    "dead": "bad",
    "attention": "bad",
    "open": "bad",
    "hold": "wait",
    "parked": "wait",
}
"""State -> how it is coloured; what is not named is under way."""


def number(value: object) -> str:
    """Pure: a number for people: `12,345`."""
    return f"{value:,}" if isinstance(value, int | float) else "–"


def size(value: int | None) -> str:
    """Pure: bytes for people: `1.2 MiB`."""
    if value is None:
        return "–"
    amount, unit = float(value), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def lasting(seconds: float | None) -> str:
    """Pure: a time span for people: `1 min 5 s`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(text: str | None) -> str:
    """Pure: a moment in UTC, which the browser writes in its own zone: `2026-01-31 08:00:05`."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "–"


def keyed(text: str) -> str:
    """Pure: a key as the plan has it, for people: `["A","1"]` is `A 1`."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return " ".join(str(one) for one in found) if isinstance(found, list) else text


def spelled(value: object) -> object:
    """Pure: a value of the log for people: of counts only what is not nothing."""
    if isinstance(value, Mapping):
        return (
            ", ".join(f"{name} {spelled(one)}" for name, one in value.items() if one) or "nothing"
        )
    return ", ".join(str(one) for one in value) if isinstance(value, list) else value


def tone(state: str | None) -> str:
    """Pure: how a state is coloured."""
    return TONES.get(state or "", "busy")


@cache
def _environment() -> "jinja2.Environment":
    """What templates are written with; made for the first page, as a daemon may never be asked for one."""

    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HOME),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "size": size,
        "lasting": lasting,
        "moment": moment,
        "tone": tone,
        "keyed": keyed,
        "spelled": spelled,
        "shown": lambda value: shown(str(value), limit=300),
    }
    made.globals["still"] = still.path
    return made


def page(request: Request, template: str, /, *, code: int = 200, **values: Any) -> HTMLResponse:
    """Write a page; for a request of htmx only its part `main`."""
    who = acting.who()
    values |= {
        "code": code,
        "who": who if who.person else None,
        "may": lambda role: who.reaches(Role(role)),
        "csrf": getattr(request.state, "csrf", ""),
        "here": request.url.path,
        "menu": [one for one in PAGES if one[0] != "/import" or who.reaches(Role.OPERATOR)],
        "version": __version__,
        "query": dict(request.query_params),
    }
    return HTMLResponse(_environment().get_template(template).render(values), code)


def part(request: Request, template: str, /, **values: Any) -> str:
    """Write a part of a page, as it is sent by itself while something goes on."""
    who = acting.who()
    values |= {"may": lambda role: who.reaches(Role(role))}
    return _environment().get_template(template).render(values)


def answers(made: FastAPI) -> None:
    """Have pages say what went wrong as pages."""
    told = made.exception_handlers[ImpexError]

    @made.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return wrong(request, error.status, str(error), error.hint)

    @made.exception_handler(ImpexError)
    async def ours(request: Request, error: ImpexError) -> Response:
        if request.url.path.startswith("/api/"):
            answer: Response = await told(request, error)  # type: ignore[misc]
            return answer
        status = 404 if isinstance(error, UsageError) else 503
        return wrong(request, status, str(error), error.hint)

    @made.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith("/api/"):
            return refusals.invalid(error)
        return wrong(request, 422, "this address is not right", "")

    @made.exception_handler(Exception)
    async def fault(request: Request, _error: Exception) -> Response:
        return wrong(request, 500, "this is a fault of impexd", "its log says more")


def wrong(request: Request, status: int, what: str, hint: str) -> Response:
    """Say what went wrong: to people in a page, to programs as a problem document."""
    path = request.url.path
    if path.startswith("/api/") or request.headers.get("x-fetched"):
        return refusals.document(status, what, hint)
    return page(request, "wrong.html", code=status, what=what, hint=hint)
