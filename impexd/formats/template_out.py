"""
Records through a template of the configuration, for formats that nobody else writes.

Jinja2 in its sandbox: a template sees the records and what it is told of the export, and
reaches nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.formats.csv_out import text
from impexd.formats.shape import Cell, Nest, Records, Shape, Values, unwritable
from impexd.model.export import Output
from impexd.model.problem import Code


def write(
    out: BinaryIO,
    shape: Shape,
    layout: Output,
    records: Iterator[Records],
    about: Mapping[str, Any],
    /,
) -> None:
    """Write all records."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=layout.escaping == "xml", keep_trailing_newline=True, undefined=StrictUndefined
    )
    made = environment.from_string(layout.template or "")
    with text(out, layout) as file:
        try:
            for piece in made.generate(rows=_rows(shape, records), **about):
                file.write(piece)
            file.flush()
        except UnicodeEncodeError as error:
            sample = error.object[error.start : error.end]
            raise unwritable(f"{layout.encoding} has no such character", sample) from error
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            what = f"the template cannot be filled: {type(error).__name__}: {shown(str(error))}"
            raise DataError(Code.BAD_TEMPLATE, what, hint="correct `template`") from error


def _rows(shape: Shape, records: Iterator[Records]) -> Iterator[dict[str, Any]]:
    """Give the records as mappings."""
    for some in records:
        for record in some:
            yield _row(shape.cells, shape.nests, record)


def _row(cells: Sequence[Cell], nests: Sequence[Nest], record: Values) -> dict[str, Any]:
    row: dict[str, Any] = {cell.to: value for cell, value in zip(cells, record, strict=False)}
    for nest, found in zip(nests, record[len(cells) :], strict=True):
        row[nest.to] = [_row(nest.cells, nest.nests, one) for one in found]
    return row
