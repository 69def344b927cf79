"""Which reader reads which format."""

from collections.abc import Mapping

from impexd.formats import csv
from impexd.model.descriptor import Format
from impexd.ports import Reader

READERS: Mapping[Format, Reader] = {Format.CSV: csv.read}
"""The reader of each format of rows."""
