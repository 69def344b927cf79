"""`impexd why` and `impexd verify`: questions to an instance that change nothing."""

import json
import os
from pathlib import Path
from typing import Any

import click

from impexd.cli import tasks
from impexd.cli.common import asynchronously


@click.command()
@click.argument("about")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def why(source: Path, about: str, *, as_json: bool) -> None:
    """Say why a file (a path, or the name it came by) or an order is where it is."""
    from impexd import commands as work
    from impexd import show as tables

    path = Path(about)
    if len(path.parts) > 1 or os.path.lexists(about):
        about = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 (as it is)
    found = asynchronously(lambda: work.why(source, about))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
        return
    if not found["daemon"]:
        click.echo("no daemon runs on this instance: nothing is taken until one does", err=True)
    for one in found["reasons"]:
        lines = [f"{one['group']}: {one['what']}" if one["group"] else one["what"]]
        tables.plain(lines + ([f"  {one['hint']}"] if one["hint"] else []))
    if found["order"] is not None:
        tables.plain(tasks.story(found["order"]))


@click.command()
@click.option("--quick", is_flag=True, help="Do not hash the files that are kept.")
@click.option("--taken", is_flag=True, help="Files gone from outboxes were taken by partners.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def verify(source: Path, *, quick: bool, taken: bool, as_json: bool) -> None:
    """Prove that received = imported + rejected + duplicate + pending; exit 1 on any difference."""
    from impexd import commands as work
    from impexd import show as tables

    found = asynchronously(lambda: work.verify(source, deep=not quick, taken=taken))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        for name in SUMS:
            if name in found:
                click.echo(f"{name:<9} {sums(found[name])}")
        for one in found["differences"]:
            tables.plain([f"{one['code']}: {one['what']}", f"  {one['hint']}"])
        click.echo(
            f"{len(found['differences'])} differences"
            if found["differences"]
            else "all is as the journal says"
        )
    if not found["ok"]:
        raise click.exceptions.Exit(1)


@click.group(name="history")
def past() -> None:
    """What has been."""


@past.command(name="config")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--json", "as_json", is_flag=True, help="One object a line for machines.")
@click.pass_obj
def past_config(source: Path, limit: int, *, as_json: bool) -> None:
    """List the configurations that were in force, what each changed, and those refused."""
    from impexd import commands as work
    from impexd import show as tables

    for one in asynchronously(lambda: work.config_changes(source, limit)):
        if as_json:
            click.echo(json.dumps(one, ensure_ascii=True))
            continue
        of = f" {one['hash'][:12]}" if one["hash"] else ""
        tables.plain([f"{one['at'][:19]}  {one['outcome']}{of} ({one['how']})"])
        tables.plain(f"    {line}" for line in (*one["changes"], *(one["mistakes"] or ())))


SUMS = ("files", "rows", "messages", "tasks")
"""What is summed up."""


def sums(found: dict[str, Any]) -> str:
    """Pure: an equation in words; of what files do not know (messages, tasks) every state there is."""
    plain = set(EQUATION) <= set(found)
    names = EQUATION if plain else [one for one in found if found[one] and one != "received"]
    terms = " + ".join(f"{found[name]:,} {name}" for name in names) or "0"
    others = "".join(
        f"; {count:,} {name}"
        for name, count in found.items()
        if plain and name not in (*EQUATION, "received")
    )
    return f"{found['received']:,} received = {terms}{others}"


EQUATION = ("imported", "rejected", "duplicate", "pending")
