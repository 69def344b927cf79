"""Signing in and out, and the link that is good once: to set up, or to choose a password."""

from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from impexd.admin import acting, bodies, links
from impexd.admin.origin import Place
from impexd.admin.pages import shell
from impexd.admin.signing import Signing, Wrong
from impexd.admin.throttle import TooMany
from impexd.core.errors import DataError

LARGEST = 4096
"""Bytes of a form that somebody unknown sends."""


def routes(made: FastAPI, signing: Signing, at: Place) -> None:
    """Add the routes."""

    @made.get("/sign-in", include_in_schema=False)
    async def form(request: Request) -> Response:
        return shell.page(request, "sign-in.html", wrong="", name="")

    @made.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        said = await _form(request)
        name = said.get("name", "")
        try:
            secret = await signing.sign_in(
                name, said.get("password", ""), address=_address(request), agent=_agent(request)
            )
        except (Wrong, TooMany) as error:
            status = 401 if isinstance(error, Wrong) else 429
            return shell.page(
                request, "sign-in.html", code=status, wrong=str(error), name=name[:64]
            )
        return await _entered(request, signing, at, secret, _inside(said.get("next", "")))

    @made.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        await signing.sign_out(bodies.cookie(request, at.cookie), acting.who())
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(at.cookie, path="/", secure=at.secure, httponly=True)
        answer.headers["clear-site-data"] = '"cache", "storage"'
        return answer

    @made.get("/welcome", include_in_schema=False)
    async def welcome(request: Request) -> Response:
        return shell.page(request, "welcome.html", wrong="", name="")

    @made.post("/welcome", include_in_schema=False)
    async def accept(request: Request) -> Response:
        said = await _form(request)
        name = said.get("name", "")
        address = _address(request)
        try:
            async with signing.gate.trying("\0welcome", address) as one:
                person = await links.accept(
                    signing.store,
                    signing.clock,
                    said.get("link", ""),
                    name,
                    said.get("password", ""),
                )
                one.good = True
        except (DataError, TooMany) as error:
            return shell.page(request, "welcome.html", code=422, wrong=str(error), name=name[:64])
        await signing.note(person.name, address, "password chosen", outcome="done", status=200)
        secret = await signing.begin(person, address=address, agent=_agent(request))
        return await _entered(request, signing, at, secret, "/")


async def _entered(
    request: Request, signing: Signing, at: Place, secret: str, target: str
) -> Response:
    """Send a browser in, with a session that is new whatever it had before."""
    if old := bodies.cookie(request, at.cookie):
        who = await signing.who(old, _address(request))
        if who is not None:
            await signing.sign_out(old, who)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        at.cookie, secret, path="/", secure=at.secure, httponly=True, samesite="strict"
    )
    return answer


async def _form(request: Request) -> dict[str, str]:
    """Read a small form; what is larger is nothing."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            return {}
    said = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[0] for name, values in said.items()}


def _inside(target: str) -> str:
    """Pure: a path of ours to go to; never somebody else's page."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside and not parts.netloc and target.isprintable() else "/"


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")
