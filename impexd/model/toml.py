"""
Where each key of a TOML text stands: a path of keys and positions -> its line.

`tomllib` gives values without places; this walks over a text that `tomllib` has already taken,
and remembers lines only.  Positions in arrays count from 0, as in the parsed tree.  What is not
found stands where its nearest parent stands (`line`).
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""The way to a value: `("column", 2, "to")`."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_SCALAR = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}#\n]+",
    re.DOTALL,
)


def index(text: str) -> dict[Path, int]:
    """Pure: give the line (from 1) of every key, table and array element of a valid TOML text."""
    return _Walk(text.replace("\r\n", "\n")).all()


def line(lines: Mapping[Path, int], path: Path) -> int:
    """Pure: give the line of a path, or of its nearest parent; 1 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Walk:
    """One pass over the text; every method reads something at `at` and leaves `at` behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [found.start() for found in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.last: dict[Path, int] = {}
        """The newest element of each array of tables."""

    def all(self) -> dict[Path, int]:
        base: Path = ()
        while self._past(_BLANK) and self.at < len(self.text):
            if self.text.startswith("[", self.at):
                base = self._header()
            else:
                self._pair(base)
        return self.lines

    def _header(self) -> Path:
        start, array = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        self._past(_BLANK)
        keys = self._keys()
        self._past(_BLANK)
        self.at += 2 if array else 1
        path = self._newest(keys[:-1], start)
        if not array:
            return self._newest(keys, start, here=True)
        path += (keys[-1],)
        self.lines.setdefault(path, self._line(start))
        self.last[path] = self.last.get(path, -1) + 1
        path += (self.last[path],)
        self.lines[path] = self._line(start)
        return path

    def _newest(self, keys: list[str], start: int, *, here: bool = False) -> Path:
        path: Path = ()
        for key in keys:
            path += (key,)
            self.lines.setdefault(path, self._line(start))
            if path in self.last:
                path += (self.last[path],)
        if here:
            self.lines[path] = self._line(start)
        return path

    def _pair(self, base: Path) -> None:
        start = self.at
        for key in self._keys():
            base += (key,)
            self.lines.setdefault(base, self._line(start))
        self._past(_EQUALS)
        self._value(base)

    def _value(self, path: Path) -> None:
        if self.text.startswith("[", self.at):
            self._elements(path)
        elif self.text.startswith("{", self.at):
            self._inline(path)
        elif not self._past(_SCALAR):
            self.at = len(self.text)  # never on a text that tomllib took

    def _elements(self, path: Path) -> None:
        self.at += 1
        position = 0
        while self._more("]"):
            self.lines[(*path, position)] = self._line(self.at)
            self._value((*path, position))
            position += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._more("}"):
            self._pair(path)

    def _more(self, end: str) -> bool:
        self._past(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
            self._past(_BLANK)
        if self.at < len(self.text) and not self.text.startswith(end, self.at):
            return True
        self.at += 1
        return False

    def _keys(self) -> list[str]:
        keys = []
        while found := _KEY.match(self.text, self.at):
            self.at = found.end()
            keys.append(_plain(found[0]))
            if not self._past(_DOT):
                break
        return keys

    def _past(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None

    def _line(self, at: int) -> int:
        return bisect_left(self.breaks, at) + 1


def _plain(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] == '"':
        return next(iter(tomllib.loads(key + "=0")))
    return key
