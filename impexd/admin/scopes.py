"""Do the grants of who asks reach what a path names?  See `rights.Scope`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from impexd.admin.house import House
from impexd.admin.rights import Rule, Scope
from impexd.core.text import shown
from impexd.model.people import Who
from impexd.store import order_lists, runs

Params = Mapping[str, Any]


async def refused(house: House, rule: Rule, params: Params, who: Who) -> str:
    """Say why their grants do not reach; "" if they do, or if there is no such thing."""
    look = _LOOK.get(rule.scope)
    if look is None:
        return ""
    if (
        rule.scope is Scope.NAME
        and rule.method != "GET"
        and _kept(params)
        and who.bounded is not None
    ):
        return "housekeeping concerns every group; that takes a grant for all of them"
    kind, name = await look(house, params)
    if name is None or (who.group(name) if kind == "group" else who.shop(name)):
        return ""
    return f"you have no grant for the {kind} {shown(name)}"


def _kept(params: Params) -> bool:
    """Pure: is it housekeeping that the path names?"""
    return str(params["name"]).startswith("keep:")


Found = tuple[str, str | None]
"""group or shop, and its name; None if there is no such thing."""


async def _group(_house: House, params: Params) -> Found:
    return "group", str(params["group"])


async def _name(_house: House, params: Params) -> Found:
    kind, _, group = str(params["name"]).partition(":")
    return "group", None if kind == "keep" else group


async def _run(house: House, params: Params) -> Found:
    try:
        id = int(params["id"])
        async with house.store.reading() as tx:
            run = await runs.get(tx, id) if 0 < id < 1 << 62 else None
    except ValueError:
        return "group", None
    return "group", run.group if run else None


async def _order(house: House, params: Params) -> Found:
    async with house.store.reading() as tx:
        return "shop", await order_lists.shop_of(tx, str(params["id"]))


async def _task(house: House, params: Params) -> Found:
    try:
        id = int(params["id"])
    except ValueError:
        return "shop", None
    async with house.store.reading() as tx:
        return "shop", await order_lists.shop_of_task(tx, id) if 0 < id < 1 << 62 else None


_LOOK: Mapping[Scope, Callable[[House, Params], Awaitable[Found]]] = {
    Scope.GROUP: _group,
    Scope.NAME: _name,
    Scope.RUN: _run,
    Scope.ORDER: _order,
    Scope.TASK: _task,
}
