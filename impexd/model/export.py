"""
Exports: which records go out, how their files are laid out, and where they are laid down.

A descriptor with a `[query]` is one for export: `[query]` says which records, `[[column]]` what
each cell is made of, `[[nested]]` which records of other entities go inside, `[file]` how it is
written.  A group with `kind = "export"` makes one file of one or more of them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field as Default
from pydantic import StringConstraints

from impexd.model.base import Model, Name, Slug
from impexd.model.target import Target

Mark = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Head = Annotated[str, StringConstraints(min_length=1, max_length=255)]

MODE, DELETED, SEQ = "_mode", "_deleted", "_seq"
"""
What a column can be made of besides fields: `merge` for a record and `delete` for one that is
gone; whether it is gone; its change number.
"""
OWN = (MODE, DELETED, SEQ)


class ExportFormat(StrEnum):
    """How a file is written."""

    CSV = "csv"
    XML = "xml"
    JSON = "json"
    JSONL = "jsonl"
    XLSX = "xlsx"
    TEMPLATE = "template"


NESTING = frozenset(
    {ExportFormat.XML, ExportFormat.JSON, ExportFormat.JSONL, ExportFormat.TEMPLATE}
)
"""Formats in which a record can hold other records."""
SPREADSHEETS = frozenset({ExportFormat.CSV, ExportFormat.XLSX})
"""Formats that are opened by programs which take text for formulas."""


class Op(StrEnum):
    """How a field is compared."""

    IS = "="
    IS_NOT = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    PREFIX = "like-prefix"
    NULL = "null"
    NOT_NULL = "notnull"


class Filter(Model):
    """One condition; all of a query's must hold."""

    field: Head
    """A field, one language of it, or a field across references: `brand`, `name@de`, `product.brand`."""
    op: Op = Op.IS
    value: str | int | bool | tuple[str | int, ...] | None = None


class Query(Model):
    """Which records: `[query]`."""

    entity: Name | None = None
    filter: tuple[Filter, ...] = ()
    order: tuple[Head, ...] = ()
    """Fields to sort by, `-` in front for descending; by the key if none."""
    changed_since: str | None = None
    """`last`: what changed since the last file of this group; or a day, `2026-01-31`."""
    tombstones: bool = False
    """Also name what was deleted, or does not fit the filter any more."""
    sql: str | None = None
    """Instead of an entity: a statement that only reads, or `SELECT * FROM` a view."""


class ExportColumn(Model):
    """One cell: what it is made of, and where it goes."""

    source: Head | None = Default(default=None, alias="from")
    """`name`, `name@de`, `product.brand`, `_mode`, `_deleted`, `_seq`; with `sql` a column of the statement."""
    const: str | None = None
    target: Head = Default(alias="to")
    """
    The header, `EN#2` for the second column called `EN`; in XML a path below the record
    (`price/@currency`), in JSON a key (`a.b` nests).
    """
    map: Mapping[str, str] | None = None
    unmapped: Literal["keep", "empty"] = "keep"
    """What becomes of a value that `map` does not name."""
    format: str | None = None
    """Date and time pattern as strftime's ("%d.%m.%Y")."""
    zone: str | None = None
    """Time zone that moments are told in; UTC if none."""
    decimal: Literal[".", ","] = "."
    scale: int | None = Default(default=None, ge=0, le=18)
    """Digits after the point, always; rounded half to even."""
    true: str = "true"
    false: str = "false"
    default: str | None = None
    """What stands where the value is empty."""
    guard: bool | None = None
    """Put an apostrophe before text that a spreadsheet would take for a formula; as the file says if not said."""


class Nested(Model):
    """Records of another entity that point at the one exported, inside it: `[[nested]]`."""

    entity: Name
    by: Name | None = None
    """Their field that points; needed if several do."""
    target: Head = Default(alias="to")
    """XML: the path of one of them (`prices/price`); JSON: the key of the list."""
    column: tuple[ExportColumn, ...] = ()
    nested: "tuple[Nested, ...]" = ()
    """Records that point at these, inside them."""


class Output(Model):
    """How a file is written: `[file]`."""

    name: str | None = None
    """Its name inside the zip of a group with several descriptors; `<descriptor>.<format>` if not said."""
    format: ExportFormat = ExportFormat.CSV
    encoding: str = "utf-8"
    bom: bool = False
    unwritable: Literal["fail", "replace"] = "fail"
    """Characters that the encoding, or XML, cannot hold: end the export, or write `?` instead."""
    guard: bool | None = None
    """Guard text columns against spreadsheets that take text for formulas; csv and xlsx do if not said."""
    # csv
    delimiter: Mark = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    escape: Literal["none", "backslash"] = "none"
    """How a quote inside a cell is written: doubled, or with a backslash."""
    quoting: Literal["minimal", "all"] = "minimal"
    newline: Literal["crlf", "lf"] = "crlf"
    header: bool = True
    # xml, json
    root: str | None = None
    """XML: the name of the outermost element; JSON: the key of the list, none for a bare list."""
    row: str = "row"
    """XML: the name of the element that is one record."""
    namespaces: Mapping[str, str] = {}
    """Prefix -> URI, declared at the root; "" is for names without prefix."""
    # xlsx
    sheet: str = "Export"
    # template
    template: str | None = None
    """A Jinja2 template; it gets `rows` (mappings of `to` -> value) and `now`, `group`, `seq`."""
    escaping: Literal["none", "xml"] = "none"
    """What a template does to every value it prints."""

    @property
    def guarded(self) -> bool:
        """Are text columns guarded unless they say otherwise?"""
        return self.format in SPREADSHEETS if self.guard is None else self.guard

    @property
    def suffix(self) -> str:
        """How names of such files end."""
        return "txt" if self.format is ExportFormat.TEMPLATE else self.format.value


class ExportDescriptor(Model):
    """`etc/descriptors/<name>.toml` with a `[query]`."""

    query: Query
    file: Output = Output()
    column: tuple[ExportColumn, ...] = ()
    """With `sql` they may be left out: every column of the statement goes out as it is named."""
    nested: tuple[Nested, ...] = ()


class ExportGroup(Model):
    """`etc/groups/<name>.toml` with `kind = "export"`."""

    kind: Literal["export"]
    label: str = ""
    descriptors: tuple[Slug, ...] = Default(min_length=1)
    schedule: str | None = None
    """A cron expression: minute, hour, day, month, weekday."""
    every: str | None = None
    """Instead of `schedule`: an interval, "15 min", "6 h"."""
    zone: str = "UTC"
    """The time zone of `schedule` and of {date} and {time}."""
    catch_up: Literal["none", "one", "all"] = "one"
    """What becomes of moments at which impexd was not running."""
    file: str | None = None
    """The name of the file, of {group} {date} {time} {seq} {shop} and plain text; `{group}-{date}-{time}-{seq}.csv` or the like."""
    shop: str = ""
    """What {shop} stands for."""
    companions: tuple[Literal[".sha256", ".ready"], ...] = ()
    """Files laid beside it once it is there: its hash, and an empty one that says so."""
    zip: bool | None = None
    """Put it into a zip; several descriptors always are."""
    keep: int = Default(default=90, ge=1, le=36_500)
    """Days after which the file is removed from the outbox."""
    target: Target = Target()

    @property
    def zipped(self) -> bool:
        """Is the file a zip?"""
        return len(self.descriptors) > 1 if self.zip is None else self.zip
