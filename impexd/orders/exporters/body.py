"""
The bytes that are sent: JSON, XML, CSV, a form, or what a template makes of what there is to tell.

Pure: a `Telling` in, bytes out, the same for the same; `DataError` if they cannot be made.  A
template sees what it is given in Jinja2's sandbox and reaches nothing else.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field, StringConstraints

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.base import Model
from impexd.model.faults import Fault
from impexd.model.problem import Code
from impexd.model.telling import Telling
from impexd.orders.exporters import matter, template

Source = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[A-Za-z0-9_-]{1,100}){0,5}$")]
"""`order.number`, `delivery.tracking`, `line.sku`, `warehouse.city`, `flag`, `key`."""
CONTENT = {
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


class Cell(Model):
    """One column of a CSV, or one field of a form."""

    source: Source = Field(alias="from")
    target: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(alias="to")


class Body(Model):
    """How it is written: `[....body]`."""

    format: Literal["json", "xml", "csv", "form", "text"] = "json"
    template: str | None = None
    """A Jinja2 template of it all; without one JSON and XML hold everything there is to tell."""
    content: str | None = None
    """The media type, where it is not that of the format."""
    root: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")] = "event"
    """Of XML: the outermost element."""
    column: tuple[Cell, ...] = ()
    """Of CSV: its columns, a row for each line; of a form: its fields."""
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ";"
    guard: bool = True
    """Of CSV: an apostrophe before what a spreadsheet would take for a formula."""

    @property
    def media(self) -> str:
        """The media type."""
        return self.content or CONTENT[self.format]

    @property
    def suffix(self) -> str:
        """How files of it end."""
        return {"text": "txt", "form": "txt"}.get(self.format, self.format)


def faults(body: Body) -> Iterator[Fault]:
    """Pure: what is wrong with it beyond its types."""
    if body.format in ("csv", "form"):
        if body.template is None and not body.column:
            yield Fault(("column",), "needs columns, or a template")
        elif body.template is not None and body.column:
            yield Fault(("column",), "means nothing beside a template")
    elif body.column:
        yield Fault(("column",), f"means nothing to {body.format}; it is for csv and form")
    if body.format == "text" and body.template is None:
        yield Fault(("template",), "text is made by a template")
    if body.template is not None and (reason := template.fault(body.template)):
        yield Fault(("template",), reason)


def made(body: Body, telling: Telling) -> bytes:
    """Pure: write what there is to tell."""
    if body.template is not None:
        return _checked(
            template.filled(body.template, telling, xml=body.format == "xml"), body.format
        )
    match body.format:
        case "json":
            return json.dumps(matter.plain(matter.everything(telling)), ensure_ascii=False).encode()
        case "xml":
            return _xml(body.root, matter.plain(matter.everything(telling)))
        case "csv":
            return _csv(body, telling)
        case _:
            about = matter.context(telling)
            return urlencode(
                [(one.target, _text(matter.at(one.source, about))) for one in body.column]
            ).encode()


def _checked(text: str, format: str) -> bytes:
    """Refuse what a template has made that is not what it should be."""
    data = text.encode()
    try:
        if format == "json":
            json.loads(data)
        elif format == "xml":
            _parsed(data)
    except ValueError as error:
        what = f"the template makes no {format.upper()}: {shown(str(error))}"
        raise DataError(Code.BAD_TEMPLATE, what, hint=template.HINT) from error
    return data


def _parsed(data: bytes) -> None:
    from lxml import etree

    try:
        etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error


def _csv(body: Body, telling: Telling) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=body.delimiter, lineterminator="\r\n")
    writer.writerow([one.target for one in body.column])
    about = matter.context(telling)
    for line in about["lines"]:
        named = about | {"line": line}
        writer.writerow(
            [_guarded(matter.at(one.source, named), guard=body.guard) for one in body.column]
        )
    return out.getvalue().encode()


def _guarded(value: Any, *, guard: bool) -> str:
    text = _text(value)
    risky = guard and isinstance(value, str) and text.startswith(FORMULA)
    return f"'{text}" if risky else text


def _text(value: Any) -> str:
    found = matter.plain(value)
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _xml(root: str, value: Mapping[str, Any]) -> bytes:
    from lxml import etree

    top = etree.Element(root)
    try:
        _fill(top, value)
    except ValueError as error:  # control characters
        what = f"this cannot be written as XML: {shown(str(error))}"
        raise DataError(Code.BAD_TEMPLATE, what) from error
    return bytes(etree.tostring(top, encoding="utf-8", xml_declaration=True))


def _fill(element: Any, value: Any) -> None:
    from lxml import etree

    if isinstance(value, Mapping):
        for name, inner in value.items():
            many: Sequence[Any] = inner if isinstance(inner, list) else [inner]
            for one in many:
                if one is not None:
                    _fill(etree.SubElement(element, _tag(name)), one)
    else:
        element.text = _text(value)


def _tag(name: str) -> str:
    clean = "".join(char if char.isalnum() or char in "_-." else "_" for char in name)
    return clean if clean[:1].isalpha() or clean[:1] == "_" else f"_{clean}"
