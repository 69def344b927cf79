"""
Descriptors: how one kind of file is laid out, and what its rows become.

`[file]` says how to read it, each `[[column]]` what a cell becomes; `[[record]]` parts let one
row fill several entities.  A column without `[[record]]` belongs to the first, nameless part.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field as Default
from pydantic import StringConstraints

from impexd.model.base import Model, Name
from impexd.model.entity import Type

Target = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}(@[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*)?$"),
]
"""A field, or one language of a localized field: `name`, `name@de`."""


class Mode(StrEnum):
    """What a row does to the record of its key."""

    MERGE = "merge"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    XML = "xml"
    JSON = "json"
    JSONL = "jsonl"
    XLSX = "xlsx"
    IMAGE = "image"


class Missing(StrEnum):
    """What becomes of a row whose reference nobody brings."""

    REJECT = "reject"
    NULL = "null"
    CREATE = "create"
    PARK = "park"
    KEEP = "keep"
    """Load the row all the same; the parent may come later, or is kept elsewhere."""


class Layout(Model):
    """How a file is to be read: `[file]`."""

    match: str | None = None
    """An RE2 expression that the whole file name matches, case-insensitively; none takes every file of its format."""
    format: Format = Format.CSV
    guard: bool = False
    """Text has been guarded against spreadsheets, as exports do it: take the apostrophe off again."""
    # text
    encoding: str | None = None
    """Encoding of the file; none: by its BOM, else strict UTF-8, else `fallback`."""
    fallback: str | None = None
    # csv
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    """The quoting character; "" if the file has none."""
    escape: Literal["none", "backslash"] = "none"
    """`backslash`: a quote may also be written \\" and a backslash \\\\; other backslashes stand for themselves."""
    header: bool = True
    skip: int = Default(default=0, ge=0, le=1000)
    """Physical lines before the header that are passed over."""
    short: Literal["reject", "pad"] = "reject"
    """Rows with fewer cells than the header."""
    long: Literal["reject", "cut"] = "reject"
    """Rows with more cells than the header."""
    trailer: str | None = None
    """An RE2 expression that the last row's first cell matches; a `(?P<rows>\\d+)` group must equal the rows read."""
    # xml, json
    row: str | None = None
    """XML: path of the record element (`products/product`, or just `product`); JSON: path to the list
    (`data.items`), or to lists in its records (`orders[].lines`; JSON Lines: `lines`)."""
    namespaces: Mapping[str, str] = {}
    """Prefix -> URI, for `row` and the columns' paths; "" is for names without prefix."""
    others: Literal["reject", "ignore"] = "reject"
    """Elements of other names, and text, where the records stand."""
    repeated: Literal["reject", "first", "join"] = "reject"
    """What a row has of a path that leads to several elements."""
    joiner: str = ","
    """What stands between them when they are joined; `split` can take them apart again."""
    # xlsx
    sheet: str | int | None = None


class Column(Model):
    """One cell of a row: where it stands in the file, and what it becomes."""

    source: str | int | None = Default(default=None, alias="from")
    """Header name (`EN#2`: the second so named), position from 1, or XML/JSON path."""
    const: str | None = None
    template: str | None = None
    """A computed text: `{guid}-{EN#2}` puts the row's cells together; with `regex`, its groups `{1}` or `{name}`."""
    target: Target = Default(alias="to")
    type: Type | None = None
    format: str | None = None
    """Date and time pattern as strptime's ("%d.%m.%Y")."""
    zone: str | None = None
    """Time zone of a moment written without one; UTC if none."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    true: tuple[str, ...] = ("true", "yes", "y", "1", "on")
    false: tuple[str, ...] = ("false", "no", "n", "0", "off")
    map: Mapping[str, str] | None = None
    unmapped: Literal["reject", "keep", "null"] = "reject"
    """What becomes of a cell that `map` does not name."""
    regex: str | None = None
    """An RE2 expression searched for in the cell; `group` or `template` says what is taken."""
    group: str | int | None = None
    trim: bool = True
    default: str | None = None
    required: bool = False
    max: int | None = Default(default=None, ge=1)
    on_long: Literal["reject", "truncate"] = "reject"
    split: str | None = None
    """The separator inside the cell: the row becomes one record for each piece."""
    only: Literal["insert", "update"] | None = None
    """Write this field only to new, or only to known records."""
    missing: Missing = Missing.REJECT


class Record(Model):
    """One part of a row with its own entity."""

    entity: Name
    mode: Mode | None = None
    column: tuple[Column, ...]
    when: str | int | None = None
    """Make this record only where this cell is not empty."""


class Descriptor(Model):
    """`etc/descriptors/<name>.toml`."""

    entity: Name | None = None
    service: str = "entity"
    mode: Mode = Mode.MERGE
    mode_column: str | int | None = None
    """The cell that names the mode of its row (merge, insert, update, delete)."""
    duplicates: Literal["reject", "last"] = "reject"
    """The same key twice in one drop: reject the later row, or let the last one win."""
    missing_rows: Mapping[Name, str] | None = None
    """replace: give these values to records the file lacks, instead of deleting them."""
    scope: tuple[Name, ...] = ()
    """replace: only records that share these fields' values with the file are missing from it."""
    park_for: Annotated[int, Default(ge=1)] = 14
    """Days a row waits for its parent."""
    file: Layout = Layout()
    column: tuple[Column, ...] = ()
    record: tuple[Record, ...] = ()
