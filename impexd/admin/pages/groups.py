"""Groups: what is configured, as a picture of inbox, descriptors and entities."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking
from impexd.core.errors import UsageError
from impexd.core.text import shown

ROW, BOX, WIDE = 46, 34, 270
COLUMNS = (0, 350, 700)


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture."""

    x: int
    y: int
    name: str
    said: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, and the lines between them."""

    boxes: tuple[Box, ...]
    lines: tuple[tuple[int, int, int, int], ...]
    height: int


def routes(made: FastAPI, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/groups", include_in_schema=False)
    async def listed(request: Request) -> Response:
        found = await asking.get("/api/v1/groups")
        files = (await asking.get("/api/v1/files"))["files"]
        return shell.page(request, "groups.html", **found, files=files)

    @made.get("/groups/{group}", include_in_schema=False)
    async def one(request: Request, group: str) -> Response:
        found = await asking.get("/api/v1/groups")
        mine = next((one for one in found["imports"] if one["name"] == group), None)
        if mine is None:
            raise UsageError(f"there is no import group {shown(group)}")
        return shell.page(request, "group.html", group=mine, picture=drawn(mine))


def drawn(group: dict[str, Any]) -> Picture:
    """Pure: inbox, descriptors and entities of a group, side by side, with what leads where."""
    descriptors = group["descriptors"]
    entities = list(dict.fromkeys(name for one in descriptors for name in one["entities"]))
    height = max(len(descriptors), len(entities), 1) * ROW
    boxes = [Box(COLUMNS[0], _at(0, 1, height), "inbox", shown(group["inbox"][-34:]))]
    lines = []
    for n, one in enumerate(descriptors):
        y = _at(n, len(descriptors), height)
        said = f"{one['format']}  {one['match'] or 'by suffix'}"
        boxes.append(Box(COLUMNS[1], y, one["name"], shown(said, limit=40)))
        lines.append((WIDE, boxes[0].y + BOX // 2, COLUMNS[1], y + BOX // 2))
        for name in one["entities"]:
            target = _at(entities.index(name), len(entities), height)
            lines.append((COLUMNS[1] + WIDE, y + BOX // 2, COLUMNS[2], target + BOX // 2))
    for n, name in enumerate(entities):
        modes = {mode for one in descriptors if name in one["entities"] for mode in one["modes"]}
        y = _at(n, len(entities), height)
        boxes.append(Box(COLUMNS[2], y, name, ", ".join(sorted(modes)), f"/data/{name}"))
    return Picture(tuple(boxes), tuple(lines), height)


def _at(n: int, of: int, height: int) -> int:
    """Pure: how far down the nth of so many boxes stands."""
    return int((n + 0.5) * height / of - BOX / 2)
