"""
The commands that go by example: `describe` a sample file, write `sample` files for a group.

They need no instance; see `drafts`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from impexd.core.errors import UsageError
from impexd.core.text import shown

if TYPE_CHECKING:
    from impexd.imports.describe.run import Described


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write into this etc folder.")
@click.option("--entity", help="The entity of the catalogue that the file fills.")
@click.option("--own", is_flag=True, help="Declare entities of its own for all files.")
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def describe(
    source: Path, file: Path, out: Path | None, entity: str | None, *, own: bool, as_json: bool
) -> None:
    """
    Write descriptors for FILE, a sample: CSV, XML, JSON, XLSX, or a zip of them.

    Every guess has its evidence as a comment, and all of it has been tried on the sample.
    Printed; with --out written into an etc folder, where nothing is overwritten.
    """
    from impexd import drafts
    from impexd.imports.describe.propose import Wish

    if own and entity is not None:
        raise UsageError("--own and --entity exclude each other")
    ground = drafts.ground(source, out)
    found = anyio.run(drafts.describe, file, ground, Wish(own=own, entity=entity))
    written = drafts.write(found, out, fresh=ground.fresh) if out is not None else []
    if as_json:
        paths = {"written": list(map(str, written))} if out else {"texts": dict(found.texts)}
        click.echo(json.dumps(drafts.summary(found) | paths, ensure_ascii=True))
        return
    if out is None:
        for name, text in found.texts.items():
            click.echo(f"# ----- etc/{name} -----\n{text}")
    for path in written:
        click.echo(f"wrote {path}")
    _told(found, out, file)


def _told(found: "Described", out: Path | None, file: Path) -> None:
    """Say what was found out, beside the texts."""
    aside = out is None
    for one in found.designs:
        key = " + ".join(shown(str(name), limit=40) for name in one.named())
        what = f"its own entity {one.kind.name}" if one.own else one.kind.name
        name = shown(one.sheet.file.name, limit=80)
        click.echo(f"{name}: {found.rows[one.name]:,} rows, {what}, key {key}", err=aside)
        for doubt in found.doubts[one.name]:
            click.echo(f"  {shown(doubt, limit=400)}", err=aside)
    for name, why in found.passed_over.items():
        click.echo(f"{shown(name, limit=80)}: nothing was made of it: {why}", err=True)
    if out is not None:
        click.echo(f"\nNext: impexd --config {out} check")
        click.echo(f"      impexd --config {out} import --dry-run {found.group} {file}")


@click.command()
@click.argument("group")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder; this one if not said.",
)
@click.option("--json", "as_json", is_flag=True, help="One object for machines.")
@click.pass_obj
def sample(source: Path, group: str, out: Path, *, as_json: bool) -> None:
    """
    Write template files for GROUP: a header and an example row that load as they are.

    One file for each kind that the group's descriptors read, in its format and layout.
    """
    from impexd import drafts

    made = drafts.templates(source, group)
    written = drafts.save(made.files, out)
    if as_json:
        told = {"group": group, "written": list(map(str, written)), "notes": list(made.notes)}
        click.echo(json.dumps(told, ensure_ascii=True))
        return
    for path in written:
        click.echo(f"wrote {path}")
    for note in made.notes:
        click.echo(f"note: {shown(note, limit=400)}", err=True)
