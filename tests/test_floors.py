"""The floors of the house: imports go down, rooms on one floor do not know each other."""

import ast
from pathlib import Path
from typing import Any, cast

import pytest

from impexd.admin import rights, web

HOUSE = Path(__file__).parent.parent / "impexd"

FLOORS = (
    {"__main__"},
    {"cli"},
    {"demo"},
    {"commands", "show_orders"},
    {"client", "service", "show", "show_health", "drafts"},
    {"daemon", "setup"},
    {"opening"},
    {"instance"},
    {"scheduler"},
    {"config"},
    {"admin"},
    {"imports", "exports", "feeds", "orders", "answers", "notices", "upkeep"},
    {"inbox", "queue"},
    {"store"},
    {"formats"},
    {"plugins"},
    {"ports"},
    {"model"},
    {"core"},
)
"""From the top down."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[int, str]]:
    """Every module of ours that a module names: (line, dotted name)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("impexd"):
            found += [(node.lineno, f"{node.module}.{name.name}") for name in node.names]
        elif isinstance(node, ast.Import):
            found += [(node.lineno, n.name) for n in node.names if n.name.startswith("impexd")]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(HOUSE)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for line, name in imported(path):
        parts = name.split(".")
        target = parts[1] if len(parts) > 1 else ""
        if target not in FLOOR or target == room:
            continue
        assert FLOOR[target] > FLOOR[room], f"{path}:{line}: {room} must not know {target}"


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms <= FLOOR.keys()


def test_no_two_modules_import_each_other() -> None:
    names = {
        ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in modules()
    }
    graph = {
        name: {t for _, t in imported(path)} | {t.rpartition(".")[0] for _, t in imported(path)}
        for name, path in names.items()
    }
    graph = {name: (targets & names.keys()) - {name} for name, targets in graph.items()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for target in graph[name]:
            if not name.startswith(target + "."):  # a package's own face is above its modules
                walk(target, (*trail, name))
        done.add(name)

    for name in graph:
        walk(name, ())


def test_every_route_has_its_rule() -> None:
    made = web.app(*cast(Any, (None, None, None)))
    routes = [
        (method, route.path) for route in made.routes for method in getattr(route, "methods", ())
    ]
    assert routes
    assert rights.missing(routes) == [], "say in impexd/admin/rights.py who may use them"


def test_no_rule_is_for_a_route_that_is_not_there() -> None:
    made = web.app(*cast(Any, (None, None, None)))
    routes = {
        (method, route.path) for route in made.routes for method in getattr(route, "methods", ())
    }
    assert [one for one in rights.RULES if (one.method, one.path) not in routes] == []
