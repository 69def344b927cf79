"""The files of etc/ in the browser: read, edited, checked; made from a sample, tried on it, saved."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/files/{folder}/{name}", include_in_schema=False)
    async def one(request: Request, folder: str, name: str) -> Response:
        found = await asking.get(f"/api/v1/files/{folder}/{name}")
        edit = (await asking.get("/api/v1/files"))["edit"]
        path, text = found["path"], found["text"]
        checked = await asking.post("/api/v1/files/check", changed={path: text})
        return shell.page(
            request,
            "file.html",
            path=path,
            text=text,
            lines=marked(path, text, checked["mistakes"]),
            elsewhere=[one for one in checked["mistakes"] if f"/{path}:" not in one],
            edit=edit,
        )

    @made.get("/sample", include_in_schema=False)
    async def sample(request: Request, upload: str = "") -> Response:
        found = await asking.post("/api/v1/describe", upload=upload) if upload else None
        edit = (await asking.get("/api/v1/files"))["edit"]
        return shell.page(request, "sample.html", found=found, upload=upload, edit=edit)


def marked(path: str, text: str, mistakes: list[str]) -> list[tuple[str, str]]:
    """Pure: the lines of a file, each with what is wrong there."""
    wrong: dict[int, str] = {}
    for one in mistakes:
        _, here, rest = one.partition(f"/{path}:")
        number, _, said = rest.partition(":")
        if here and number.isdigit():
            line = int(number)
            wrong[line] = f"{wrong[line]}; {said.strip()}" if line in wrong else said.strip()
    return [(line, wrong.get(n, "")) for n, line in enumerate(text.splitlines(), 1)]
