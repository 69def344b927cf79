"""
What is wrong with a row or a file, as a value.

The codes are stable: partners' programs read them from `report.json` and rejects files.
"""

from dataclasses import dataclass
from enum import StrEnum

from impexd.core.text import shown


class Code(StrEnum):
    """The kind of a problem."""

    # the drop as a whole
    BAD_NAME = "bad_name"
    NOT_REGULAR = "not_regular"
    MULTIPLE_LINKS = "multiple_links"
    UNREADABLE = "unreadable"
    EMPTY_FILE = "empty_file"
    TOO_LARGE = "too_large"
    TYPE_MISMATCH = "type_mismatch"
    INCOMPLETE = "incomplete"
    CHANGED = "changed"
    POISON = "poison"
    VANISHED = "vanished"
    RETIRED = "retired"
    UNMATCHED = "unmatched"
    # an archive
    EMPTY_ARCHIVE = "empty_archive"
    INCONSISTENT_ARCHIVE = "inconsistent_archive"
    UNSAFE_MEMBER_NAME = "unsafe_member_name"
    UNSAFE_MEMBER_TYPE = "unsafe_member_type"
    DUPLICATE_MEMBER = "duplicate_member"
    ENCRYPTED_MEMBER = "encrypted_member"
    UNSUPPORTED_METHOD = "unsupported_method"
    NESTED_ARCHIVE = "nested_archive"
    OVERLAPPING_MEMBERS = "overlapping_members"
    TOO_MANY_MEMBERS = "too_many_members"
    BAD_CRC = "bad_crc"
    # a file of rows
    ENCODING = "encoding"
    BAD_DATA = "bad_data"
    MISSING_HEADER = "missing_header"
    BAD_HEADER = "bad_header"
    MALFORMED = "malformed"
    LINE_TOO_LONG = "line_too_long"
    TOO_MANY_ROWS = "too_many_rows"
    BAD_TRAILER = "bad_trailer"
    DTD_FORBIDDEN = "dtd_forbidden"
    WRONG_ROOT = "wrong_root"
    BAD_STRUCTURE = "bad_structure"
    TOO_DEEP = "too_deep"
    # a row
    RAGGED_ROW = "ragged_row"
    DUPLICATE_FIELD = "duplicate_field"
    BAD_VALUE = "bad_value"
    VALUE_TOO_LONG = "value_too_long"
    REQUIRED = "required"
    OUT_OF_RANGE = "out_of_range"
    NOT_IN_MAP = "not_in_map"
    PATTERN = "pattern"
    DUPLICATE_KEY = "duplicate_key"
    MISSING_REFERENCE = "missing_reference"
    PARKED = "parked"
    EXPIRED = "expired"
    EXISTS = "exists"
    NOT_FOUND = "not_found"
    FILE_REJECTED = "file_rejected"
    DROP_REJECTED = "drop_rejected"
    ORDER_REJECTED = "order_rejected"
    # an export
    BAD_QUERY = "bad_query"
    BAD_TEMPLATE = "bad_template"
    UNWRITABLE = "unwritable"
    # a record that an undo keeps
    CHANGED_SINCE = "changed_since"
    STILL_NEEDED = "still_needed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `line` counts physical lines from 1, None for the file as a whole."""

    code: str
    message: str
    line: int | None = None
    column: str | None = None
    cell: str | None = None
    """A printable sample of the cell, at most 200 characters."""


def about(
    code: Code,
    message: str,
    *,
    line: int | None = None,
    column: str | None = None,
    cell: str | None = None,
) -> Problem:
    """Pure: make a problem with its foreign text made printable."""
    return Problem(
        code.value,
        message,
        line,
        None if column is None else shown(column, limit=100),
        None if cell is None else shown(cell),
    )
