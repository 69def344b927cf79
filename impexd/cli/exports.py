"""
The commands about exports: `export` makes a file, `outbox` lists what was made, `send` sends again.

As all commands they work on the running daemon, or on the folder alone; see `cli`.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click


@click.command()
@click.argument("group")
@click.option("--name", help="Another name for the file than the group's pattern makes.")
@click.option("--full", is_flag=True, help="All records, also where files hold what has changed.")
@click.option("--note", help="Kept with the run.")
@click.option("--mirror", is_flag=True, help="Only print descriptors that import such files again.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def export(
    source: Path,
    group: str,
    *,
    name: str | None,
    full: bool,
    note: str | None,
    mirror: bool,
    as_json: bool,
) -> None:
    """Make a file of GROUP now, and wait until it lies in the outbox."""
    from impexd import commands as work
    from impexd import show as tables

    if mirror:
        path = f"/api/v1/exports/{work.quoted(group)}/mirror"
        found = anyio.run(work.asked, source, path)
        tables.plain(_descriptors(found["descriptors"], as_json=as_json))
        return
    asked = partial(work.export, source, group, name, note, full=full, bar=not as_json)
    done = anyio.run(asked)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        tables.plain(_made(done))
    if not _there(done):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("run", type=int)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def send(source: Path, run: int, *, as_json: bool) -> None:
    """Send the file of export RUN to its target once more, and wait for it."""
    from impexd import commands as work
    from impexd import show as tables

    done = anyio.run(work.send, source, run)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=True))
    else:
        tables.plain(_made(done))
    if not _there(done):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("group", required=False)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True, help="One object a line for machines.")
@click.pass_obj
def outbox(source: Path, group: str | None, *, limit: int, as_json: bool) -> None:
    """List the files in the outboxes (or in GROUP's): rows, size, hash, run."""
    from impexd import commands as work
    from impexd import show as tables

    path = "/api/v1/outbox" + (f"/{work.quoted(group)}" if group else "")
    found = anyio.run(lambda: work.asked(source, path, limit=limit))["files"]
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=True))
    else:
        tables.outbox(found)


def _descriptors(found: dict[str, str], *, as_json: bool) -> Iterator[str]:
    if as_json:
        yield json.dumps(found, ensure_ascii=True)
        return
    for name, text in found.items():
        yield f"# etc/descriptors/{name}.toml"
        yield from text.splitlines()


def _made(done: dict[str, Any]) -> Iterator[str]:
    """Say what became of an export."""
    from impexd import show as tables

    file, seconds = done["export"], done["seconds"]
    yield f"run {done['id']}  {done['group']}  {done['state']}"
    if done["message"]:
        yield f"  {done['code'] + ': ' if done['code'] else ''}{done['message']}"
    if done["state"] == "published":
        rate = f" in {seconds:.2f} s, {file['rows'] / seconds:,.0f} rows/s" if seconds else ""
        yield f"file:    {file['path']}"
        yield f"rows:    {file['rows']:,}{rate}"
        yield f"bytes:   {file['bytes']:,}"
        yield f"sha256:  {file['sha256']}"
    if sent := done.get("sent"):
        yield f"sent:    {tables.sent(sent)}"


def _there(done: dict[str, Any]) -> bool:
    """Pure: is the file where it is to go?"""
    sent = done.get("sent")
    return done["state"] == "published" and (sent is None or sent["state"] == "done")
