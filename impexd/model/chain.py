"""
The documents of `etc/exporters/` against each other, and against what is plugged in.

Takes parsed files and the types there are; gives the exporters and all that is wrong.  An exporter
whose type nobody knows still counts as being there, so that its flags are not told as unknown.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from impexd.model.document import Checked, Document, Mistake, check
from impexd.model.exporter import Common, Exporter
from impexd.model.faults import Fault, near, quoted
from impexd.model.faults import exporter as exporter_faults
from impexd.model.faults.exporter import Kind
from impexd.model.outbound import Outbound

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class _File:
    """One file: what all have in common, and the table of its type."""

    document: Document
    common: Checked[Common]
    kind: str
    own: Any


def read(
    files: Mapping[str, Document | None], kinds: Mapping[str, Kind], calls: Outbound
) -> tuple[dict[str, Exporter], list[Mistake]]:
    """Pure: check every exporter, then all of them as a chain."""
    mistakes: list[Mistake] = []
    found = {name: _file(one) for name, one in files.items() if one is not None}
    common = {name: one.common.value for name, one in found.items() if one.common.value}
    made: dict[str, Exporter] = {}
    for name, one in found.items():
        if not SLUG.fullmatch(name):
            what = f"the name of the file is wrong: small letters, digits, - and _ only, not {quoted(name)}"
            mistakes.append(one.document.mistake(Fault((), what)))
        mistakes += map(one.document.mistake, one.common.faults)
        mistakes += _settings(one, kinds, calls)
        if one.common.value is not None:
            kind = kinds.get(one.kind)
            for fault in exporter_faults.faults(name, one.common.value, common, kind):
                path = one.common.original(fault.path)
                mistakes.append(one.document.mistake(Fault(path, fault.what)))
            made[name] = exporter_faults.whole(one.common.value, _plain(one.own))
    return made, mistakes


def _file(document: Document) -> _File:
    kind = document.tree.get("type")
    kind = kind if isinstance(kind, str) else ""
    rest = {key: value for key, value in document.tree.items() if key != kind or key == "type"}
    return _File(document, check(Common, rest), kind, document.tree.get(kind, {}))


def _settings(file: _File, kinds: Mapping[str, Kind], calls: Outbound) -> Iterator[Mistake]:
    """What is wrong with the table of its type."""
    kind = kinds.get(file.kind)
    if kind is None:
        if file.kind:
            what = f"there is no exporter of type {quoted(file.kind)}" + near(file.kind, kinds)
            yield file.document.mistake(Fault(("type",), what))
        return
    below = (file.kind,)
    checked = check(kind.settings, file.own)
    for fault in checked.faults:
        yield file.document.mistake(fault, below=below)
    if checked.value is not None and checked.whole:
        for fault in kind.faults(checked.value, calls):
            yield file.document.mistake(fault, below=below)


def _plain(own: Any) -> dict[str, Any]:
    text = json.dumps(own, default=lambda moment: moment.isoformat())
    found = json.loads(text)
    return found if isinstance(found, dict) else {}
