"""Who may sign in, with what; what was done; the configuration in force."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from impexd.admin import acting
from impexd.admin.house import House
from impexd.admin.pages import shell
from impexd.admin.pages.asking import Asking
from impexd.model.people import Role


def routes(made: FastAPI, house: House, asking: Asking) -> None:
    """Add the routes."""

    @made.get("/settings", include_in_schema=False)
    async def settings(request: Request, before: int | None = None) -> Response:
        admin = acting.who().reaches(Role.ADMIN)
        sessions = (await asking.get("/api/v1/sessions"))["sessions"]
        tokens = (await asking.get("/api/v1/tokens"))["tokens"]
        users = (await asking.get("/api/v1/users"))["users"] if admin else []
        audit = (await asking.get("/api/v1/audit", limit=50, before=before)) if admin else None
        status = await asking.get("/api/v1/status")
        body = house.bench.config.instance.model_dump(mode="json") if admin else {}
        return shell.page(
            request,
            "settings.html",
            sessions=sessions,
            tokens=tokens,
            users=users,
            audit=audit,
            status=status,
            config=body,
            roles=[role.value for role in Role],
        )
