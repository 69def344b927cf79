"""Which format is read by what, and by what its rejects are written."""

from collections.abc import Mapping

from impexd.formats import (
    csv,
    csv_rejects,
    json,
    json_rejects,
    jsonl,
    xlsx,
    xlsx_rejects,
    xml,
    xml_rejects,
)
from impexd.model.descriptor import Format
from impexd.ports import Reader, Rejecter

READERS: Mapping[Format, Reader] = {
    Format.CSV: csv.read,
    Format.XML: xml.read,
    Format.JSON: json.read,
    Format.JSONL: jsonl.read,
    Format.XLSX: xlsx.read,
}
"""The reader of each format of rows."""

REJECTERS: Mapping[Format, Rejecter] = {
    Format.CSV: csv_rejects.write,
    Format.XML: xml_rejects.write,
    Format.JSON: json_rejects.write,
    Format.JSONL: json_rejects.write_lines,
    Format.XLSX: xlsx_rejects.write,
}
"""What writes the rejects of each format of rows."""
