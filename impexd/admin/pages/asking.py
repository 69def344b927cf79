"""
How a page asks the API: in this process, as the person who looks at it.

So a page can show nothing that the API would not tell, and do nothing that it would not do.
"""

from typing import Any

import httpx2
from fastapi import FastAPI

from impexd.core.errors import ImpexError


class Refused(ImpexError):
    """The API said no."""

    def __init__(self, status: int, what: str, hint: str) -> None:
        super().__init__(what, hint=hint)
        self.status = status


class Asking:
    """Asks the API."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx2.ASGITransport(app=app)

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask for something; raises `Refused`."""
        given = {name: value for name, value in query.items() if value not in (None, "", [])}
        return await self._answer("GET", path, params=given)

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Have something said that takes a body; raises `Refused`."""
        return await self._answer("POST", path, json=body)

    async def _answer(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with httpx2.AsyncClient(
            transport=self._transport, base_url="http://impexd", timeout=None
        ) as http:
            answer = await http.request(method, path, **more)
        document: dict[str, Any] = answer.json()
        if answer.is_success:
            return document
        detail = document.get("detail", "")
        what = detail if isinstance(detail, str) else "this is not how it can be asked"
        raise Refused(answer.status_code, what, str(document.get("hint", "")))
