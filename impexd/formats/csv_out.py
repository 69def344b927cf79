"""Records as CSV: RFC 4180, or the dialect that a partner wants."""

import codecs
import csv
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from typing import Any, BinaryIO

from impexd.core.errors import DataError
from impexd.formats.shape import Records, Shape, header, unwritable
from impexd.model.export import Output
from impexd.model.problem import Code


def write(
    out: BinaryIO,
    shape: Shape,
    layout: Output,
    records: Iterator[Records],
    _about: Mapping[str, Any],
    /,
) -> None:
    """Write all records."""
    with text(out, layout) as file:
        writer = _writer(file, layout)
        try:
            if layout.header:
                writer.writerow(header(shape.cells))
            for some in records:
                writer.writerows(some)
            file.flush()
        except UnicodeEncodeError as error:
            raise unwritable(
                f"{layout.encoding} has no such character", error.object[error.start : error.end]
            ) from error
        except csv.Error as error:
            what = f"a value cannot be told from its neighbours without quotes: {error}"
            raise DataError(Code.UNWRITABLE, what, hint="give the file a `quote`") from error


class text(TextIOWrapper):  # noqa: N801 (used like a function)
    """A file of text upon a file of bytes that stays open when the block ends."""

    def __init__(self, out: BinaryIO, layout: Output) -> None:
        errors = "replace" if layout.unwritable == "replace" else "strict"
        encoding = layout.encoding
        if codecs.lookup(encoding).name == "utf-8" and layout.bom:
            encoding = "utf-8-sig"
        super().__init__(out, encoding, errors, newline="")

    def __exit__(self, *_: object) -> None:
        self.detach()

    def detach(self) -> Any:
        """Let go of the file below; what cannot be encoded was said before."""
        try:
            return super().detach()
        except UnicodeEncodeError:
            return None


def _writer(file: TextIOWrapper, layout: Output) -> Any:
    quoting: Any = csv.QUOTE_ALL if layout.quoting == "all" else csv.QUOTE_MINIMAL
    backslash = layout.escape == "backslash"
    return csv.writer(
        file,
        delimiter=layout.delimiter,
        quotechar=layout.quote or None,
        quoting=quoting if layout.quote else csv.QUOTE_NONE,
        doublequote=not backslash,
        escapechar="\\" if backslash else None,
        lineterminator="\r\n" if layout.newline == "crlf" else "\n",
    )
