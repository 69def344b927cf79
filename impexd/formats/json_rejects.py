"""
Write rejected objects of JSON, or JSON Lines, as they are, with two keys more.

What is no object cannot have keys: it stands under `_value`, and a line that is no JSON under
`_text`, in an object of its own.
"""

import json
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from impexd.core.errors import DataError
from impexd.formats import encoding, json_text, json_values, jsonl
from impexd.formats.json_values import Decoder, Value
from impexd.formats.picking import Picking
from impexd.model import json_path
from impexd.model.descriptor import Layout
from impexd.model.limits import Limits
from impexd.ports import EXTRA, Opener

LINE, PROBLEM = EXTRA


async def write(
    opener: Opener,
    layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a JSON file; a `ports.Rejecter`."""
    path = json_path.row(layout.row)
    texts = encoding.texts(opener, encoding=None, fallback=None)
    picking = Picking(lines)
    text = TextIOWrapper(out, "utf-8", "backslashreplace", newline="", write_through=True)
    text.write("".join(f"{{{_quoted(key)}: " for key in path) + "[")
    between = "\n"
    try:
        for found in json_text.records(texts, path, limits):
            if (problem := picking.problem(found.line)) is not None:
                text.write(between + marked(found.text, found.value, found.line, problem))
                between = ",\n"
            if picking.done:
                break
    except DataError:
        pass  # the file ended badly; what could be read of it is written
    finally:
        text.write("\n]" + "}" * len(path) + "\n")
        text.flush()
        text.detach()


async def write_lines(
    opener: Opener,
    _layout: Layout,
    lines: Iterator[tuple[int, str]],
    out: BinaryIO,
    limits: Limits,
    /,
) -> None:
    """Write the rejects of a file of JSON Lines; a `ports.Rejecter`."""
    picking = Picking(lines)
    decoder = Decoder()
    text = TextIOWrapper(out, "utf-8", "backslashreplace", newline="", write_through=True)
    try:
        for number, line in jsonl.lines(opener, limits):
            if (problem := picking.problem(number)) is not None:
                text.write(_of_line(line, number, problem, decoder) + "\n")
            if picking.done:
                break
    except DataError:
        pass  # as above
    finally:
        text.flush()
        text.detach()


def marked(text: str, value: Value, line: int, problem: str) -> str:
    """Pure: an object with the two keys behind its own; `text` is what `value` was read from."""
    extra = f'"{LINE}": {line}, "{PROBLEM}": {_quoted(problem)}'
    if not isinstance(value, dict):
        return f'{{"_value": {text}, {extra}}}'
    if LINE in value or PROBLEM in value:
        value = {key: one for key, one in value.items() if key not in EXTRA}
        text = json_values.dumped(value)
    return text[:-1].rstrip() + (", " if value else "") + extra + "}"


def _of_line(line: str, number: int, problem: str, decoder: Decoder) -> str:
    try:
        value, end = decoder.read(line)
    except (json.JSONDecodeError, RecursionError):
        end = -1
        value = None
    if end != len(line):
        extra = f'"{LINE}": {number}, "{PROBLEM}": {_quoted(problem)}'
        return f'{{"_text": {_quoted(line)}, {extra}}}'
    return marked(line, value, number, problem)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
