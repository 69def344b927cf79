"""`impexd notices` and `impexd notify test`: what operators were told, and whether they would be."""

import json
from pathlib import Path

import click

from impexd.cli.common import asynchronously


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="One object a line for machines.")
@click.pass_obj
def notices(source: Path, limit: int, *, as_json: bool) -> None:
    """List what operators were told, newest first."""
    from impexd import commands as work
    from impexd import show as tables

    found = asynchronously(lambda: work.asked(source, "/api/v1/notices", limit=limit))["notices"]
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=True))
        return
    for one in found:
        went = ", ".join(f"{name} {state}" for name, state in one["to"].items()) or "nobody is told"
        over = ", over" if one["ended"] else ""
        tables.plain([f"{one['at'][:19]}  {one['severity']:<8}{one['subject']}  ({went}{over})"])
    if not found:
        click.echo("nothing has been told yet")


@click.group()
def notify() -> None:
    """Being told by mail and webhook."""


@notify.command()
@click.argument("name")
@click.pass_obj
def test(source: Path, name: str) -> None:
    """Send NAME (a table [notify.to.NAME]) a letter now, and say whether it was taken."""
    from impexd import commands as work

    done = asynchronously(lambda: work.notify_test(source, name))
    ways = [*done["mail"], *(["the webhook"] if done["webhook"] else [])]
    click.echo(f"taken by {', '.join(ways)}")
