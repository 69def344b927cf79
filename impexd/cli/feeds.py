"""
The commands about couriers: `feeds` says how each is heard, `messages` what they said.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import click

from impexd.core.text import shown


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_context
def feeds(context: click.Context, *, as_json: bool) -> None:
    """How each feed is: last success, lag, errors, breaker, messages."""
    if context.invoked_subcommand is not None:
        return
    from impexd import commands as work
    from impexd import show as tables

    found = anyio.run(work.asked, context.obj, "/api/v1/feeds")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_feeds(found["feeds"]))


@feeds.command("poll")
@click.argument("name")
@click.option("--note", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def poll(source: Path, name: str, note: str | None, *, as_json: bool) -> None:
    """Ask the feed NAME now, whatever its schedule and breaker say."""
    from impexd import commands as work

    found = anyio.run(work.poll, source, name, note)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        from impexd import show as tables

        tables.plain(_feeds([found]))
    if found["failures"]:
        raise click.exceptions.Exit(1)


@click.group(invoke_without_command=True)
@click.option(
    "--state", "states", multiple=True, help="new, parked, applied, noted, conflict, dead."
)
@click.option("--feed", help="Of one feed only.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_context
def messages(
    context: click.Context, states: tuple[str, ...], feed: str | None, limit: int, *, as_json: bool
) -> None:
    """What couriers said and what became of it, newest first."""
    if context.invoked_subcommand is not None:
        return
    from impexd import commands as work
    from impexd import show as tables

    async def asked() -> dict[str, Any]:
        return await work.asked(
            context.obj, "/api/v1/messages", state=list(states) or None, feed=feed, limit=limit
        )

    found = anyio.run(asked)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_messages(found["messages"]))


@messages.command("show")
@click.argument("id", type=int)
@click.pass_obj
def show(source: Path, id: int) -> None:
    """One message as JSON, with the body as it came."""
    from impexd import commands as work

    found = anyio.run(work.asked, source, f"/api/v1/messages/{id}")
    click.echo(json.dumps(found, ensure_ascii=True, indent=2))


@messages.command("replay")
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All that are dead, parked, or not understood.")
@click.option("--feed", help="With --all: of one feed only.")
@click.option("--note", help="Why; kept with the messages.")
@click.pass_obj
def replay(
    source: Path, ids: tuple[int, ...], feed: str | None, note: str | None, *, every: bool
) -> None:
    """Try messages again: after a map was mended, or an order has come."""
    if bool(ids) == every:
        raise click.UsageError("name messages by their number, or say --all")
    from impexd import commands as work

    done = anyio.run(work.replay, source, None if every else list(ids), feed, note)
    click.echo(
        f"{done['replayed']} messages are tried again; `impexd messages` tells what becomes of them"
    )
    if not done["replayed"]:
        raise click.exceptions.Exit(1)


def _feeds(found: list[dict[str, Any]]) -> Iterator[str]:
    """Pure: feeds in lines."""
    if not found:
        yield "there are no feeds; etc/feeds/ has examples"
    for one in found:
        label = f" ({one['label']})" if one["label"] else ""
        yield f"{one['name']}{label}: {one['kind']}, map {one['map']}, {_how(one)}"
        if one["error"]:
            until = f"; left alone until {one['until']}" if one["until"] else ""
            times = f"{one['failures']} times in a row" if one["failures"] > 1 else "once"
            yield f"  error    {shown(one['error'])} ({times}, breaker {one['breaker']}{until})"
        if one["told"]:
            yield f"  note     {shown(one['told'])}"
        if one["messages"]:
            counts = ", ".join(
                f"{count} {state}" for state, count in sorted(one["messages"].items())
            )
            yield f"  messages {counts}; the last came {one['received']}"
        if one["unknown"]:
            words = ", ".join(
                f"{shown(w or '')} ({n})" for w, n in list(one["unknown"].items())[:10]
            )
            yield f"  unknown  words that the map does not have: {words}"


def _how(one: dict[str, Any]) -> str:
    if one["kind"] != "rest":
        return f"{one['spooled']} on their way" if one["spooled"] else "listening"
    if one["lag"] is None:
        return "never heard"
    after = f", next {one['next']}" if one["next"] else ""
    return f"heard {timedelta(seconds=round(one['lag']))} ago{after}"


def _messages(found: list[dict[str, Any]]) -> Iterator[str]:
    """Pure: messages in lines."""
    if not found:
        yield "there are no such messages"
    for one in found:
        about = one["about"] or one["delivery"] or "-"
        word = f"{shown(one['status'] or '-', limit=40)} = {one['said'] or '-'}"
        yield f"{one['id']}  {one['source']}  {one['state']}  {shown(about, limit=60)}  {word}  {one['received']}"
        if one["reason"]:
            yield f"    {shown(one['reason'])}"
        for problem in one["problems"] or ():
            yield f"    {shown(problem)}"
