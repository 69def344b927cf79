"""
The commands about what is on a schedule: `schedule` lists it; pause, resume, run by hand.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import click


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_context
def schedule(context: click.Context, *, as_json: bool) -> None:
    """List what is on a schedule: in words, when it was last, when it is next."""
    if context.invoked_subcommand is not None:
        return
    from impexd import commands as work
    from impexd import show as tables

    found = anyio.run(work.asked, context.obj, "/api/v1/schedule")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_lines(found))


@schedule.command()
@click.argument("name")
@click.option("--note", help="Why; kept until it is resumed.")
@click.pass_obj
def pause(source: Path, name: str, note: str | None) -> None:
    """Have nothing of NAME happen until it is resumed, restarts or not."""
    from impexd import commands as work

    anyio.run(work.timetable, source, name, "pause", note)
    click.echo(f"{name} is paused; what comes due meanwhile is skipped")


@schedule.command()
@click.argument("name")
@click.option("--note", help="Why.")
@click.pass_obj
def resume(source: Path, name: str, note: str | None) -> None:
    """Have NAME happen again, from now on."""
    from impexd import commands as work

    anyio.run(work.timetable, source, name, "resume", note)
    click.echo(f"{name} is on schedule again")


@schedule.command()
@click.argument("name")
@click.option("--note", help="Why; kept with the occurrence.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def run(source: Path, name: str, note: str | None, *, as_json: bool) -> None:
    """Do what NAME does now, paused or not, and wait for what becomes of it."""
    from impexd import commands as work

    done = anyio.run(work.run_scheduled, source, name, note)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        of = f" (run {done['run']})" if done["run"] is not None else ""
        why = f": {done['reason']}" if done["reason"] else ""
        click.echo(f"{name}: {done['state']}{of}{why}")
    if done["state"] not in ("done", "fired"):
        raise click.exceptions.Exit(1)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Pure: the timetable in lines."""
    for one in found["schedule"]:
        yield f"{one['name']}: {one['words']}"
        if one["paused"]:
            paused = one["paused"]
            by = f" by {paused['actor']}" if paused["actor"] else ""
            why = f": {paused['note']}" if paused["note"] else ""
            yield f"  paused since {_local(paused['since'], one['zone'])}{by}{why}"
        if one["last"]:
            yield f"  last  {_last(one['last'], one['zone'])}"
        if not one["paused"]:
            following = ", ".join(_local(moment, one["zone"]) for moment in one["next"])
            yield f"  next  {following or 'never'}"


def _last(last: dict[str, Any], zone: str) -> str:
    by_hand = " by hand" if last["kind"] == "manual" else ""
    of = f", run {last['run']}" if last["run"] is not None else ""
    why = f": {last['reason']}" if last["reason"] else ""
    return f"{_local(last['at'], zone)}{by_hand}, {last['state']}{of}{why}"


def _local(moment: str, zone: str) -> str:
    """Pure: a moment as the clocks of a zone show it."""
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    return local.strftime("%a %Y-%m-%d %H:%M:%S").removesuffix(":00")
