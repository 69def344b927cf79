"""
The commands about what partners are told: `tasks` lists it, `task` shows one; hold, release, skip, resend.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import click

NOTE = click.option("--note", required=True, help="Why; kept with the task.")
JSON = click.option("--json", "as_json", is_flag=True, help="One object for machines.")
STATES = click.Choice(
    ["ready", "sending", "unknown", "done", "retry", "held", "failed", "superseded", "skipped"],
    case_sensitive=False,
)


@click.command()
@click.option("--order", help="Of this order only, by its number.")
@click.option("--state", multiple=True, type=STATES, help="In this state only; may be repeated.")
@click.option("--exporter", help="Of this exporter only.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@JSON
@click.pass_obj
def tasks(
    source: Path,
    *,
    order: str | None,
    state: tuple[str, ...],
    exporter: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what partners are told of orders, the newest last."""
    from impexd import commands as work
    from impexd import show as tables

    found = anyio.run(work.tasks, source, order, state, exporter, limit)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
        return
    tables.plain(_listed(found))


@click.command()
@click.argument("id", type=int)
@JSON
@click.pass_obj
def task(source: Path, id: int, *, as_json: bool) -> None:
    """Show a task: what it says, and all that happened to it."""
    from impexd import commands as work
    from impexd import show as tables

    found = anyio.run(work.asked, source, f"/api/v1/tasks/{id}")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_whole(found))


@click.command()
@click.argument("task", type=int)
@NOTE
@JSON
@click.pass_obj
def hold(source: Path, task: int, note: str, *, as_json: bool) -> None:
    """Have a task wait until it is released."""
    _decided(source, task, "hold", note, as_json=as_json)


@click.command()
@click.argument("task", type=int)
@click.option("--arrived", is_flag=True, help="The partner has it: done, and not sent again.")
@NOTE
@JSON
@click.pass_obj
def release(source: Path, task: int, note: str, *, arrived: bool, as_json: bool) -> None:
    """Let a held task, or a dead letter, go on, with the key and the bytes it has."""
    _decided(source, task, "release", note, as_json=as_json, arrived=arrived)


@click.command()
@click.argument("task", type=int)
@click.option("--go-on", is_flag=True, help="The chain goes on as if it were done.")
@NOTE
@JSON
@click.pass_obj
def skip(source: Path, task: int, note: str, *, go_on: bool, as_json: bool) -> None:
    """Never send a task; nothing follows from it."""
    _decided(source, task, "skip", note, as_json=as_json, go_on=go_on)


@click.command()
@click.argument("task", type=int)
@NOTE
@JSON
@click.pass_obj
def resend(source: Path, task: int, note: str, *, as_json: bool) -> None:
    """Tell the partner anew, with another key: for the partner it is another event."""
    _decided(source, task, "resend", note, as_json=as_json)


@click.command()
@click.argument("order")
@click.argument("flag")
@click.option("--delivery", help="On this delivery, by its number, and not on the order.")
@NOTE
@click.pass_obj
def flag(source: Path, order: str, flag: str, delivery: str | None, note: str) -> None:
    """Raise one of your own flags on an order: those who listen are told."""
    from impexd import commands as work

    anyio.run(work.raise_flag, source, order, flag, delivery, note)
    click.echo(f"{flag} is raised; `impexd why {order}` tells what becomes of it")


def _decided(source: Path, task: int, what: str, note: str, *, as_json: bool, **said: bool) -> None:
    from impexd import commands as work

    async def asked() -> dict[str, Any]:
        return await work.decide_task(source, task, what, note, **said)

    found = anyio.run(asked)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        click.echo(f"task {found['id']} ({found['exporter']}) is {found['state']}")


def story(order: dict[str, Any]) -> Iterator[str]:
    """Pure: where an order is, what waits, and what became of each of its events, in lines."""
    yield f"order {order['order']} is {order['state']}"
    for one in order["deliveries"]:
        why = f": {one['reason']}" if one["reason"] else ""
        yield f"delivery {one['number']} is {one['state']}{why}"
    for one in order["messages"]:
        said = f" ({one['status']})" if one["status"] else ""
        then = f", tried again {_short(one['next_at'])}" if one["next_at"] else ""
        yield f"message {one['id']} of {one['source']}{said} is {one['state']}{then}: {one['reason']}"
    for flag in order["flags"]:
        of = f" on {flag['delivery']}" if flag["delivery"] else ""
        why = f": {flag['reason']}" if flag["reason"] and flag["state"] != "heard" else ""
        yield f"{flag['flag']}{of}, raised {_short(flag['raised'])}, {flag['state']}{why}"
        for one in flag["tasks"]:
            yield f"  {_line(one)}"
            if one["waits"]:
                yield f"    waits for {one['waits']}"
        for one in flag["passed_over"]:
            at = f" about {one['delivery']}" if one["delivery"] else ""
            yield f"  not {one['exporter']}{at}: {one['reason']}"
    for one in order["not_called"]:
        yield f"not called: {one['exporter']}: {one['reason']}"


def _listed(found: dict[str, Any]) -> Iterator[str]:
    """Pure: tasks in lines, and partners that do not answer."""
    for one in reversed(found["tasks"]):
        yield f"{_about(one)}: {_line(one)}"
    if not found["tasks"]:
        yield "no tasks"
    for name, one in found["partners"].items():
        rest = one["left_alone_until"]
        until = f", left alone until {_short(rest)}" if rest else ""
        yield f"{name} has failed {one['failures']} times since {_short(one['since'])}{until}: {one['reason']}"


def _about(one: dict[str, Any]) -> str:
    return f"{one['order']} {one['delivery']}" if one["delivery"] else str(one["order"])


def _line(one: dict[str, Any]) -> str:
    """Pure: a task in one line."""
    parts = [f"task {one['id']}: {one['exporter']} of {one['flag']}: {one['state']}"]
    if one["ended"]:
        parts.append(f"at {_short(one['ended'])}")
    if one["ref"]:
        parts.append(f"as {one['ref']}")
    if one["generation"] > 1:
        parts.append(f"generation {one['generation']}")
    if one["attempts"] > 1:
        parts.append(f"{one['attempts']} attempts")
    return ", ".join(parts) + (f" ({one['reason']})" if one["reason"] else "")


def _whole(one: dict[str, Any]) -> Iterator[str]:
    yield f"order {_about(one)}: {_line(one)}"
    yield f"key {one['key']}"
    for name, value in (one["frozen"] or {}).items():
        yield f"{name}: {value if isinstance(value, str) else json.dumps(value)}"
    for event in one["journal"]:
        yield f"  {_event(event)}"
    if one["body"] is not None:
        yield f"{one['content']}:"
        yield str(one["body"])


def _event(event: dict[str, Any]) -> str:
    who = f" by {event['actor']}" if event["actor"] else ""
    note = f': "{event["note"]}"' if event["note"] else ""
    why = f" ({event['reason']})" if event["reason"] else ""
    return f"{_short(event['at'])} {event['to_state']}{who}{note}{why}"


def _short(moment: str | None) -> str:
    return "?" if moment is None else moment[:19].replace("T", " ")
