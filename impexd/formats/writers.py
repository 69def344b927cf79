"""Which writer writes which format."""

from collections.abc import Mapping

from impexd.formats import csv_out, json_out, template_out, xlsx_out, xml_out
from impexd.formats.shape import Writer
from impexd.model.export import ExportFormat

WRITERS: Mapping[ExportFormat, Writer] = {
    ExportFormat.CSV: csv_out.write,
    ExportFormat.XML: xml_out.write,
    ExportFormat.JSON: json_out.write,
    ExportFormat.JSONL: json_out.write,
    ExportFormat.XLSX: xlsx_out.write,
    ExportFormat.TEMPLATE: template_out.write,
}
"""The writer of each format of records."""
