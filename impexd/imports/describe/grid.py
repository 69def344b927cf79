"""
How a CSV file is written: delimiter, quote, escapes, header, ragged rows.

Takes a file; gives a `Form`.  Nothing is computed from characters alone: each way of writing is
tried on the head of the file with the import's own reader, and the one that gives the most rows
of one width wins.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from impexd.core.errors import DataError
from impexd.formats import csv, encoding
from impexd.imports.describe import charset, heads
from impexd.imports.describe.charset import Charset
from impexd.imports.describe.form import File, Form
from impexd.model.descriptor import Format, Layout
from impexd.model.limits import KiB, Limits
from impexd.model.problem import Code

HEAD = 128 * KiB
"""Characters that are tried."""

ESCAPED = 500
"""Most lines with an escaped quote that are tried besides, from anywhere in the file."""

DELIMITERS = (";", ",", "\t", "|")
NAMES = {"\t": r"\t"}
DIALECTS: tuple[dict[str, str], ...] = (
    {},
    {"escape": "backslash"},
    {"quote": ""},
)
SKIPPED = 10
"""Most lines before the header."""


@dataclass(slots=True)
class Trial:
    """What one way of writing makes of the head of the file."""

    keys: dict[str, Any]
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    """The first rows, for the header to be told from them."""
    widths: Counter[int] = field(default_factory=Counter)
    malformed: int = 0
    wide: DataError | None = None
    """Said of a header with more cells than are taken."""

    @property
    def mode(self) -> int:
        """The width most rows have."""
        return self.widths.most_common(1)[0][0] if self.widths else len(self.header)

    @property
    def share(self) -> float:
        """Of all rows, those that have it."""
        total = self.widths.total() + self.malformed
        return self.widths[self.mode] / total if total else 1.0


async def look(file: File, limits: Limits) -> Form:
    """Guess how a CSV file is written; `DataError` for what is no text at all."""
    chars = charset.guess(file.open)
    text = _head(file, chars)
    best = await _best(text, limits)
    layout: dict[str, Any] = dict(best.keys)
    form = Form(Format.CSV)
    if chars.key:
        form = form.saying(chars.key, chars.name, chars.why)
    else:
        form = form.because("encoding", chars.why)
    form = form.saying("delimiter", layout.pop("delimiter"), _delimited(best))
    for key, value in layout.items():
        form = form.saying(key, value, _WHY[key])
    named, why = heads.is_header(best.header, best.rows)
    if not named:
        return form.saying("header", False, why)
    return form.because("header", why)


_WHY = {
    "escape": r"inner quotes are written \", which no other way of reading explains",
    "quote": "quotes stand in the middle of cells, so they are text and quote nothing",
    "skip": "these lines stand before the header, and are no rows",
}


def _head(file: File, chars: Charset) -> str:
    """Read what is tried: the head, and some lines with escaped quotes from behind it."""
    said = {chars.key: chars.name} if chars.key else {}
    texts = encoding.texts(file.open, encoding=said.get("encoding"), fallback=said.get("fallback"))
    head = ""
    odd: list[str] = []
    for text in texts:
        if len(head) < HEAD:
            head += text
            _refuse_binary(head)
        elif '\\"' in text and len(odd) < ESCAPED:
            lines = text.splitlines()[1:-1]  # those at the ends of a chunk may be halves
            odd += [line for line in lines if '\\"' in line][:ESCAPED]
    if len(head) >= HEAD:
        head = head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head
    return head + "".join(f"{line}\n" for line in odd)


def _refuse_binary(text: str) -> None:
    """Refuse what decodes and is no text all the same."""
    controls = sum(text.count(chr(code)) for code in range(32) if chr(code) not in "\t\n\r\f\x1a")
    if controls * 100 > len(text):
        what = "the file is no text: it is full of control characters"
        raise DataError(Code.TYPE_MISMATCH, what, hint="CSV, XML, JSON, XLSX or a zip are read")


async def _best(text: str, limits: Limits) -> Trial:
    """Try every way; of those that are equally good, the first."""
    trials = [await _tried(text, keys, limits) for keys in _ways(text)]
    cut = [trial for trial in trials if trial.mode > 1]
    if cut:
        return max(cut, key=_merit)
    wide = next((trial.wide for trial in trials if trial.wide), None)
    if wide is not None:
        raise wide
    mark = next((mark for mark in DELIMITERS if mark not in text), DELIMITERS[1])
    alone = [trial for trial in trials if trial.keys["delimiter"] == mark]
    return max(alone or trials, key=_merit)


def _merit(trial: Trial) -> tuple[bool, float, int, bool, int, int]:
    """Pure: how well a way explains the file: rows of one width, none malformed, nothing odd."""
    width, mode = len(trial.header), trial.mode
    fits = width > 1 and abs(width - mode) * 5 <= max(width, 5)
    return fits, round(trial.share, 2), -trial.malformed, width == mode, -len(trial.keys), mode


def _ways(text: str) -> Iterator[dict[str, Any]]:
    lines = re.split(r"\r\n|\n|\r", text, maxsplit=SKIPPED + 2)[: SKIPPED + 1]
    told = re.fullmatch(r"sep=(.)\r?", lines[0])
    for mark in [told[1]] if told else DELIMITERS:
        skips = [1] if told else [_before(lines, mark), _above(lines, mark)]
        for skip in dict.fromkeys(one for one in skips if one is not None):
            before = {"skip": skip} if skip else {}
            for dialect in DIALECTS:
                if dialect.get("escape") and '\\"' not in text:
                    continue
                yield {"delimiter": mark, **dialect, **before}
            if _single_quoted(text, mark):
                yield {"delimiter": mark, "quote": "'", **before}


def _before(lines: Sequence[str], mark: str) -> int:
    """Pure: how many lines stand before the first one that has the delimiter, titles as a rule."""
    first = next((n for n, line in enumerate(lines) if mark in line), 0)
    return first if any(line.strip() for line in lines[:first]) else 0


def _above(lines: Sequence[str], mark: str) -> int | None:
    """Pure: how many lines stand above the header and have cells of their own, as DATEV's; None if none."""
    counts = [line.count(mark) for line in lines if line.strip()]
    at = next((n for n in range(1, len(counts) - 2) if counts[n] and _alike(counts[n:])), None)
    if at is None or counts[0] == counts[at]:
        return None
    first, *below = ([cell.strip(" \"'") for cell in line.split(mark)] for line in lines[at:])
    named, why = heads.is_header(first, below)
    return at if named and why != heads.UNSURE else None


def _alike(counts: Sequence[int]) -> bool:
    return len(set(counts)) == 1


def _single_quoted(text: str, mark: str) -> bool:
    """Pure: are there cells in single quotes that the mark, or a whole other cell, stands in or beside?"""
    at = re.escape(mark)
    return bool(re.search(rf"(^|[\r\n]|{at})'[^'\r\n]*'({at}|[\r\n]|$)", text))


async def _tried(text: str, keys: dict[str, Any], limits: Limits) -> Trial:
    trial = Trial(keys)
    data = text.encode("utf-8", "surrogatepass")
    layout = Layout.model_validate({**keys, "encoding": "utf-8"}, strict=False)
    last = 0
    try:
        table = await csv.read(lambda: io.BytesIO(data), layout, (), limits)
        trial.header = [name.strip() for name in table.names]
        async for batch in table.batches:
            for line, cells in [*batch.rows, *batch.broken]:
                trial.widths[len(cells)] += 1
                last = max(last, line)
                if len(trial.rows) < heads.ROWS:
                    trial.rows.append([(cell or "").strip() for cell in cells])
            trial.malformed += len(batch.problems) - len(batch.broken)
    except DataError as error:
        trial.wide = error if error.code == Code.BAD_HEADER else None
        trial.malformed += max(encoding.lines(text) - last, 1)  # all that could not be read
    return trial


def _delimited(best: Trial) -> str:
    mark = best.keys["delimiter"]
    name = NAMES.get(mark, mark)
    if best.mode < 2:
        return "there is one column, and this is nowhere in it"
    rows = best.widths.total()
    if not rows:
        return f"the header has {best.mode} cells by {name}"
    return f"{best.widths[best.mode]:,} of {rows:,} rows looked at give {best.mode} cells"
