"""
A file as columns: the first rows of it, read by the import's own reader.

Takes a file and its form; gives a `Sheet` and a form that also knows of ragged rows.  Memory is
bounded by rows and by characters, whichever comes first.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from impexd.formats.registry import READERS
from impexd.imports.describe import kinds, names
from impexd.imports.describe.form import File, Form
from impexd.imports.describe.kinds import Kind
from impexd.imports.describe.names import Heading
from impexd.model.limits import Limits, MiB
from impexd.model.problem import Problem
from impexd.ports import Batch

ROWS = 20_000
CHARS = 32 * MiB
"""What of a file is looked at to tell its types."""

CYRILLIC = frozenset({"be", "bg", "kk", "mk", "ru", "sr", "uk"})
_LETTER = re.compile("[\u0400-\u04ff]")


@dataclass(slots=True)
class Seen:
    """A column of a sample."""

    source: str | int
    """Its `from`."""
    heading: Heading
    texts: list[str]
    """Its cells, "" for empty ones; one for each row of the sample."""
    different: list[str] = field(default_factory=list)
    """The texts that are not empty, each once, in order."""
    kind: Kind = field(default_factory=lambda: kinds.kind((), ()))

    @property
    def filled(self) -> int:
        """How many cells are not empty."""
        return sum(map(bool, self.texts))

    @property
    def unique(self) -> bool:
        """Is it never empty, and never twice the same?"""
        return len(self.different) == len(self.texts) > 0

    @property
    def longest(self) -> int:
        """Characters of the longest text."""
        return max(map(len, self.different), default=0)


@dataclass(slots=True)
class Sheet:
    """A sample of a file."""

    file: File
    form: Form
    columns: list[Seen] = field(default_factory=list)
    rows: int = 0
    whole: bool = True
    """Is the sample the whole file?"""
    problems: list[Problem] = field(default_factory=list)
    """Rows of the sample that could not be read."""

    def said(self) -> str:
        """How much was looked at, in words."""
        if self.rows < 2:
            return "its one row" if self.rows else "none of its rows, as there are none"
        return f"all {self.rows:,} rows" if self.whole else f"the first {self.rows:,} rows"


async def read(file: File, form: Form, limits: Limits) -> Sheet:
    """Read the first rows of a file; `DataError` if it cannot be read."""
    sheet = Sheet(file, form)
    layout = form.layout()
    table = await READERS[layout.format](file.open, layout, form.paths or (), limits)
    ragged: Counter[int] = Counter()
    surplus: list[str] = []
    rows: list[list[str]] = []
    chars = 0
    async with aclosing(table.batches) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for row in _rows(batch):
                ragged[len(row)] += 1
                surplus += [cell for cell in row[len(table.names) :] if cell][:3]
                rows.append(row)
                chars += sum(map(len, row))
            sheet.problems += _unreadable(batch)
            if len(rows) >= ROWS or chars >= CHARS:
                sheet.whole = False
                break
    sheet.rows = len(rows)
    if form.paths is None:
        sheet.form = _ragged(form, table.names, ragged, surplus)
        sheet.columns = _columns(table.names, rows, named=layout.header)
    else:
        places = [table.positions[one] for one in form.paths]
        sheet.columns = _by_path(form, places, rows)
    for column in sheet.columns:
        column.different = [text for text in dict.fromkeys(column.texts) if text]
        column.kind = kinds.kind(column.different, column.heading.words)
        if column.source in sheet.form.joined:
            column.kind = kinds.joined()
    for note in _misplaced(sheet.columns):
        sheet.form = sheet.form.noting(note)
    return sheet


def _misplaced(columns: Sequence[Seen]) -> Iterator[str]:
    """Pure: columns whose letters are not those of the language they are named after."""
    for column in columns:
        language = column.heading.language
        if language and language not in CYRILLIC:
            odd = [text for text in column.different if _LETTER.search(text)]
            if len(odd) * 5 > len(column.different):
                told = kinds.told(odd, 2)
                yield f"`{column.source}` has Cyrillic texts, {told}: is its name above its column?"


def _rows(batch: Batch) -> list[list[str]]:
    """The rows of a batch in the order of the file, ragged ones among them."""
    found = sorted([*batch.rows, *batch.broken]) if batch.broken else batch.rows
    return [[(cell or "").strip() for cell in cells] for _, cells in found]


def _unreadable(batch: Batch) -> list[Problem]:
    lines = {line for line, _ in batch.broken}
    return [problem for problem in batch.problems if problem.line not in lines]


def _ragged(form: Form, header: Sequence[str], found: Counter[int], surplus: Sequence[str]) -> Form:
    """Pure: say what is to become of rows that are shorter or longer than the header."""
    total, width = found.total(), len(header)
    named = max((n for n, name in enumerate(header, 1) if name.strip()), default=0)
    less = sum(count for cells, count in found.items() if cells < named)
    short = sum(count for cells, count in found.items() if cells < width)
    long = sum(count for cells, count in found.items() if cells > width)
    what = "the header" if form.keys.get("header", True) else "the first row"
    if short:
        least = min(found)
        why = f"{short:,} of {total:,} rows have fewer cells than the {width} of {what}"
        form = form.saying("short", "pad", f"{why}, the shortest has {least}")
        if less * 10 >= total * 9 and form.keys.get("header", True):
            note = (
                f"nearly all rows are shorter than {what}: its names may stand beside their cells"
            )
            form = form.noting(note)
    if long:
        why = f"{long:,} of {total:,} rows have more cells than the {width} of {what}"
        if not surplus:
            return form.saying("long", "cut", f"{why}, all of those empty")
        note = f"{why}, and there are texts in them: {kinds.told(surplus)}; they are rejected"
        form = form.noting(note)
    return form


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]], *, named: bool) -> list[Seen]:
    """Pure: the columns of a grid; those without a name and without a text are none."""
    numbers: list[str | int] = list(range(1, len(header) + 1))
    froms = sources(header) if named else numbers
    heads = names.headings(header if named else [""] * len(header))
    found = []
    for n, (source, heading) in enumerate(zip(froms, heads, strict=True)):
        texts = [row[n] if n < len(row) else "" for row in rows]
        if heading.name or any(texts):
            found.append(Seen(source, heading, texts))
    return found


def sources(header: Sequence[str]) -> list[str | int]:
    """Pure: the `from` of each cell of a header; its position where the name does not do."""
    cells = [name.strip() for name in header]
    counts = Counter(cells)
    met: Counter[str] = Counter()
    found: list[str | int] = []
    for position, name in enumerate(cells, 1):
        met[name] += 1
        if not name or re.search(r"#[0-9]*$", name):
            found.append(position)
        else:
            found.append(f"{name}#{met[name]}" if counts[name] > 1 else name)
    return found


def _by_path(form: Form, places: Sequence[int], rows: Sequence[Sequence[str]]) -> list[Seen]:
    """Pure: the columns of a format that has paths."""
    heads = names.headings(form.titles)
    return [
        Seen(path, heading, [row[place] for row in rows])
        for path, heading, place in zip(form.paths or (), heads, places, strict=True)
    ]
