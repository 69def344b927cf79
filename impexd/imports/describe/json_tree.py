"""
Where the records of a JSON file are, and which paths they have.

Takes a file that begins like JSON; gives a `Form`.  Only the head of it is looked at: the list of
objects is found by walking over its brackets, and its first records are then read as the import
would read them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator

from impexd.core.errors import DataError
from impexd.formats import encoding, json_text, jsonl
from impexd.formats.json_values import Decoder, Value
from impexd.imports.describe.form import File, Form
from impexd.model.descriptor import Format
from impexd.model.limits import Limits, MiB
from impexd.model.problem import Code

HEAD = 8 * MiB
"""Characters in which the list has to begin."""

RECORDS = 2_000
"""Records whose paths are looked at."""

PATHS = 500
"""Most paths that become columns."""

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]:,]')
_PLAIN = re.compile(r"[^.\[\]\"]+").fullmatch

Keys = tuple[str, ...]


async def look(file: File, limits: Limits) -> Form:
    """Guess where the records of a JSON file are; `DataError` if there are none."""
    if _is_lines(file, limits):
        values = [value for value, _ in _lines(file, limits)]
        form = Form(Format.JSONL).because("format", "each line is an object of its own")
        return _with_paths(form, values)
    path = _list(file)
    if path is None:
        what = "there is no list of objects in the file"
        raise DataError(Code.BAD_STRUCTURE, what, hint="records stand in a list: [{...}, {...}]")
    texts = encoding.texts(file.open, encoding=None, fallback=None)
    values = []
    for found in json_text.records(texts, path, limits):
        values.append(found.value)
        if len(values) >= RECORDS:
            break
    form = Form(Format.JSON)
    if path:
        form = form.saying("row", written_path(path), "the longest list of objects stands there")
    return _with_paths(form, values)


def _with_paths(form: Form, values: list[Value]) -> Form:
    """Pure: the form with the paths that occur, in the order in which they do."""
    found: dict[Keys, None] = {}
    for one in values:
        if isinstance(one, dict):
            found |= dict.fromkeys(_paths(one, ()))
    paths = list(found)[:PATHS]
    if not paths:
        raise DataError(Code.BAD_STRUCTURE, "there is no object with a value in the file")
    inner = {path[:depth] for path in paths for depth in range(1, len(path))}
    paths = [path for path in paths if path not in inner]  # at times null, at times an object
    return form.reading([written_path(path) for path in paths], [" ".join(path) for path in paths])


def _paths(value: dict[str, Value], above: Keys) -> Iterator[Keys]:
    """Pure: the paths of an object; a list is one cell, as JSON."""
    for key, one in value.items():
        if isinstance(one, dict) and one and len(above) < 8:
            yield from _paths(one, (*above, key))
        elif key or above:
            yield (*above, key)


def written_path(path: Keys) -> str:
    """Pure: a path as descriptors write it."""
    out = ""
    for key in path:
        if _PLAIN(key):
            out += f".{key}" if out else key
        else:
            quoted = key.replace("\\", "\\\\").replace('"', '\\"')
            out += f'["{quoted}"]'
    return out


def _is_lines(file: File, limits: Limits) -> bool:
    """Is every line of the head an object of its own?"""
    first = [value for value, _ in _lines(file, limits, most=3)]
    whole = len(first) == 1 and _list(file) is None
    return all(isinstance(value, dict) for value in first) and (len(first) > 1 or whole)


def _lines(file: File, limits: Limits, most: int = RECORDS) -> Iterator[tuple[Value, int]]:
    """Give the values of the first lines, until one is none."""
    decoder = Decoder()
    try:
        for number, line in jsonl.lines(file.open, limits):
            value, end = decoder.read(line)
            if end < len(line) or number > most:
                return
            yield value, number
    except (json.JSONDecodeError, RecursionError):
        return
    except DataError:
        return  # one endless line is a file of JSON, if it is anything


def _list(file: File) -> Keys | None:
    """Find the list of objects with the most elements in the head, by the keys down to it."""
    counts: Counter[Keys] = Counter()
    for text in _head(file):
        counts = _counted(text)
        if counts.total() > RECORDS:
            break
    if not counts:
        return None
    return max(counts, key=lambda path: (counts[path], -len(path)))


def _head(file: File) -> Iterator[str]:
    """Give more and more of the head."""
    text, goal = "", MiB // 4
    for more in encoding.texts(file.open, encoding=None, fallback=None):
        text += more
        if len(text) >= goal:
            yield text
            goal *= 4
        if len(text) >= HEAD:
            return
    yield text


def _counted(text: str) -> Counter[Keys]:
    """Pure: how many objects begin in each list that stands in no other list."""
    counts: Counter[Keys] = Counter()
    stack: list[str] = []
    keys: list[str] = []
    name, last = "", ""
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark[0] == '"':
            last = mark
        elif mark == ":":
            name = last
        elif mark in "{[":
            if mark == "{" and stack[-1:] == ["["] and stack.count("[") == 1:
                counts[tuple(keys)] += 1
            if stack[-1:] == ["{"] and "[" not in stack:
                keys.append(_key(name))
            stack.append(mark)
        elif mark in "}]" and stack:
            stack.pop()
            if stack[-1:] == ["{"] and "[" not in stack and keys:
                keys.pop()
    return counts


def _key(mark: str) -> str:
    try:
        return str(json.loads(mark))
    except ValueError:
        return mark
