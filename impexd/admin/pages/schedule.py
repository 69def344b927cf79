"""What is on a schedule: a strip of what was and what comes, and a hand on each of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin.house import House
from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking
from impexd.core.clock import stamp

BACK, AHEAD = timedelta(hours=12), timedelta(hours=36)
WIDE, LEFT, LINE = 1000, 190, 28
MOST = 60
"""Marks on one line; what comes more often is a line of its own colour."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment on the strip."""

    x: float
    kind: str
    said: str


def routes(made: FastAPI, house: House, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/schedule", include_in_schema=False)
    async def timetable(request: Request) -> Response:
        found = await asking.get("/api/v1/schedule")
        now = house.clock.now()
        keeping = [one for one in found["schedule"] if one["name"].startswith("keep:")]
        lines = []
        for one in found["schedule"]:
            if one in keeping:
                continue
            past = (await asking.get(f"/api/v1/schedule/{one['name']}", limit=MOST))["occurrences"]
            lines.append(
                (one, marks(past, house.timing.coming(one["name"], now + AHEAD, MOST), now))
            )
        return shell.page(
            request,
            "schedule.html",
            lines=lines,
            keeping=keeping,
            hours=hours(now),
            now_x=place(now, now),
            woken=found["woken"],
            wide=WIDE,
            left=LEFT,
            line=LINE,
        )


def place(moment: datetime, now: datetime) -> float:
    """Pure: where on the strip a moment is."""
    share = (moment - (now - BACK)) / (BACK + AHEAD)
    return round(LEFT + share * (WIDE - LEFT - 10), 1)


def marks(past: list[dict[str, Any]], coming: list[datetime], now: datetime) -> list[Mark]:
    """Pure: what was and what comes, on the strip."""
    found = []
    for one in past:
        moment = datetime.fromisoformat(one["at"])
        if now - BACK <= moment <= now + AHEAD:
            kind = {"fired": "done"}.get(one["state"], one["state"])
            found.append(Mark(place(moment, now), kind, f"{one['at']} {one['state']}"))
    for moment in coming:
        found.append(Mark(place(moment, now), "next", f"{stamp(moment)} to come"))
    return found


def hours(now: datetime) -> list[tuple[float, str]]:
    """Pure: the lines of the strip, one every six hours of UTC."""
    first = (now - BACK).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first += timedelta(hours=(6 - first.hour % 6) % 6)
    steps = [first + timedelta(hours=6 * n) for n in range(9)]
    return [
        (place(moment, now), moment.strftime("%a %H:%M" if moment.hour else "%a %d"))
        for moment in steps
        if now - BACK <= moment <= now + AHEAD
    ]
