"""
The commands about what has been: `undo` takes a run back, `record` tells where a record comes from.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import click

from impexd.core.errors import UsageError

LISTED = 20
"""Kept records printed; `--json` has more of them."""


@click.command()
@click.argument("run", type=int)
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--note", help="Why; kept with the run.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def undo(
    source: Path, run: int, *, dry_run: bool, yes: bool, note: str | None, as_json: bool
) -> None:
    """
    Take a run back: what it changed, deleted and inserted is as it was before.

    First says what that means.  Records that another run has changed since are kept as they are.
    An undo is a run itself, and can be undone.
    """
    from impexd import commands as work
    from impexd import show as tables

    if dry_run or not yes:
        planned = anyio.run(work.undo_plan, source, run)
        if as_json and dry_run:
            click.echo(json.dumps(planned, ensure_ascii=True))
        else:
            tables.plain(_planned(planned), err=as_json)
        if dry_run:
            return
        _confirmed()
    done = anyio.run(work.undo, source, run, note)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        tables.run(done)
    if done["state"] == "failed" or done["problems"]:
        raise click.exceptions.Exit(1)


def _confirmed() -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked", hint="`--yes` does it without asking")
    click.confirm("Do it?", abort=True, err=True)


def _planned(planned: dict[str, Any]) -> Iterator[str]:
    """Pure: a plan in lines."""
    when = (planned["finished"] or "")[:19].replace("T", " ")
    yield f"undoing run {planned['run']} ({planned['name']}, group {planned['group']}, {when}):"
    for entity, counts in planned["counts"].items():
        said = (
            (counts["updated"], "get their old values"),
            (counts["inserted"], "come back"),
            (counts["deleted"], "go"),
            (counts["rejected"], "are kept, because they were changed since"),
        )
        told = ", ".join(f"{count:,} {what}" for count, what in said if count)
        yield f"  {entity}: {told or 'nothing is left to be done'}"
    for message in planned["listed"][:LISTED]:
        yield f"    {message}"
    if planned["problems"] > LISTED:
        yield f"    ... {planned['problems']:,} records are kept in all"


@click.command()
@click.argument("entity")
@click.argument("key", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def record(source: Path, entity: str, key: tuple[str, ...], *, as_json: bool) -> None:
    """Tell where a record comes from: each change with its run, file and line."""
    from impexd import commands as work
    from impexd import show as tables

    found = anyio.run(work.record, source, entity, key)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_record(found))


def _record(found: dict[str, Any]) -> Iterator[str]:
    """Pure: a record and its changes in lines."""
    gone = "" if found["state"] == "there" else "  (deleted)"
    yield f"{found['entity']} {' '.join(map(str, found['key']))}{gone}"
    for name, value in (found["fields"] or {}).items():
        yield f"  {name}: {_value(value)}"
    yield "changes, newest first:" if found["changes"] else "no run of impexd has changed it"
    for change in found["changes"]:
        yield f"  {_headline(change)}"
        if change["fields"] is None:
            yield "      what changed is not kept any more"
        elif change["what"] == "updated":
            for field in change["fields"]:
                yield f"      {field['field']}: {_value(field['old'])} -> {_value(field['new'])}"


def _headline(change: dict[str, Any]) -> str:
    when = (change["when"] or "")[:19].replace("T", " ")
    by = f"run {change['run']}"
    if change["undoes"] is not None:
        return f"{when}  {change['what']} by {by}, which undid run {change['undoes']}"
    drop, file = change["drop"], change["file"]
    place = [drop if drop == file or not file else f"{drop}: {file}"] if drop else []
    place += [f"line {change['line']}"] if change["line"] is not None else []
    place += [f"group {change['group']}"] if change["group"] else []
    undone = " (undone since)" if change["state"] == "undone" else ""
    return f"{when}  {change['what']} by {by}{undone}  {', '.join(place)}"


def _value(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
