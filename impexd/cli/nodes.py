"""`impexd nodes`: the daemons that share a database, and giving one up that will not come back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from impexd.cli.common import asynchronously


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_context
def nodes(context: click.Context, *, as_json: bool) -> None:
    """List the daemons that share the database: where each is, and what only it can carry on with."""
    if context.invoked_subcommand is not None:
        return
    from impexd import commands as work
    from impexd import show as tables

    found = asynchronously(lambda: work.asked(context.obj, "/api/v1/nodes"))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=True))
    else:
        tables.plain(_lines(found["nodes"]))


@nodes.command()
@click.argument("id", type=int)
@click.option("--note", help="Why.")
@click.pass_obj
def retire(source: Path, id: int, note: str | None) -> None:
    """
    Give node ID up, whose daemon will not come back with its folder.

    Its runs that are not ended have failed then; what waited for it goes on elsewhere.
    """
    from impexd import commands as work

    gone = asynchronously(lambda: work.retire(source, id, note))["runs"]
    failed = f"; runs that have failed with it: {', '.join(map(str, gone))}" if gone else ""
    click.echo(f"node {id} is retired{failed}")


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    """Pure: nodes in lines."""
    if not found:
        yield "one daemon, alone with its database"
    for one in found:
        mine = ", this one" if one["here"] else ""
        waiting = f", {one['open']:,} runs open" if one["open"] else ""
        yield f"node {one['id']}: {one['folder']} on {one['host']}{mine}{waiting}"
        if one["away"] is not None:
            yield f"  not heard of since {one['seen'][:19]}"
            yield f"    start its daemon, or if it is gone for good: impexd nodes retire {one['id']}"
