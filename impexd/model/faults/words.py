"""
What pydantic finds wrong, in words for the person who wrote the file.

Takes a `ValidationError` and the parsed tree it is about; gives one `Fault` a place.  The several
complaints of a union become one sentence, and an unknown key is told the known one it looks like.
"""

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from impexd.core.text import shown
from impexd.model.faults import Fault, near
from impexd.model.toml import Path

NOUNS = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
}
"""What was wanted, where the kind of value is wrong."""

PATTERNS = {
    "^[a-z][a-z0-9_]{0,62}$": "a name of small letters, digits and _ is wanted here, a letter first, at most 63 of them",
    "^[a-z0-9][a-z0-9_-]{0,62}$": "a name of small letters, digits, - and _ is wanted here, at most 63 of them",
    "^[a-z][a-z0-9_]{0,62}(@": "a field is wanted here, like `name`, or one language of it, like `name@de`",
    "^[0-9]{1,15}(": 'a count like 100 or a share like "30 %" is wanted here',
}
"""What a pattern of ours means, by its beginning; the longest beginning counts."""


def faults(error: ValidationError, tree: object, model: type[BaseModel]) -> list[Fault]:
    """Pure: turn all that pydantic says about `tree` into faults, one for each place."""
    found: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        path = _path(detail, tree)
        found.setdefault(path, []).append(detail)
    return [Fault(path, _said(path, details, model)) for path, details in found.items()]


def plain(details: Sequence[ErrorDetails]) -> list[tuple[str, str]]:
    """
    Pure: each complaint about a value that came as JSON: (its place, what is wrong with it).

    What was given is not said back, but for a word that is none of a few; that a list is too short is left out where its members are wrong.
    """
    places = [detail["loc"] for detail in details]
    return [
        (place(detail["loc"]), _unsaid(detail))
        for detail in details
        if detail["type"] != "too_short"
        or not any(
            len(other) > len(detail["loc"]) and other[: len(detail["loc"])] == detail["loc"]
            for other in places
        )
    ]


def place(loc: Sequence[str | int]) -> str:
    """Pure: a place as people write it: `orders[0].lines[1].sku`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return "".join(steps).removeprefix(".")


def _unsaid(detail: ErrorDetails) -> str:
    said = _said(tuple(detail["loc"]), [detail], BaseModel)
    return said.removesuffix(f", not {_shown(detail['input'])}")


def _path(detail: ErrorDetails, tree: Any) -> Path:
    """Leave out what pydantic adds to a place: the member of a union, `[key]`."""
    path: Path = ()
    for step in detail["loc"]:
        if _holds(tree, step):
            tree = tree[step]
        elif detail["type"] == "missing" and step == detail["loc"][-1]:
            return (*path, step)
        else:
            break
        path += (step,)
    return path


def _holds(tree: Any, step: str | int) -> bool:
    if isinstance(tree, list):
        return isinstance(step, int) and step < len(tree)
    return isinstance(tree, dict) and step in tree


def _said(path: Path, details: list[ErrorDetails], model: type[BaseModel]) -> str:
    special = [detail for detail in details if detail["type"] not in NOUNS]
    if special:
        return _special(special[0], path, model)
    nouns = dict.fromkeys(NOUNS[detail["type"]] for detail in details)
    given = details[0]["input"]
    if isinstance(given, Mapping) and "a list" in nouns and keys(model, path):
        return f"a list of tables is wanted here: write [[{'.'.join(step for step in path if isinstance(step, str))}]]"
    if list(nouns) == ["a table"] and isinstance(given, str):
        # What stands here may be a secret that was written where its place belongs.
        known = ", ".join(keys(model, path))
        return f"a table is wanted here{f' (of {known})' if known else ''}, not text"
    return f"{' or '.join(nouns)} is wanted here, not {_shown(given)}"


def _special(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    given, limits = _shown(detail["input"]), detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return "is not known here" + near(str(path[-1]), keys(model, path[:-1]))
        case "missing":
            return "is missing, and has to be said"
        case "enum" | "literal_error":
            return _choice(detail["input"], str(limits["expected"]))
        case "string_pattern_mismatch":
            wrong = str(path[-1]) if detail["loc"][-1] == "[key]" else detail["input"]
            return f"{_meaning(str(limits['pattern']))}, not {_shown(wrong)}"
        case "greater_than_equal":
            return f"at least {limits['ge']} is wanted here, not {given}"
        case "greater_than":
            return f"more than {limits['gt']} is wanted here, not {given}"
        case "less_than_equal":
            return f"at most {limits['le']} is wanted here, not {given}"
        case "string_too_long" if limits["max_length"] == 1:
            return f"a single character is wanted here, not {given}"
        case "string_too_long":
            return f"at most {limits['max_length']} characters are wanted here, not {given}"
        case "string_too_short":
            return "this may not be empty"
        case "too_short":
            return f"at least {limits['min_length']} is wanted in this list"
        case "value_error":
            return f"{limits['error']}, not {given}"
        case _:
            return detail["msg"][:1].lower() + detail["msg"][1:]


def _choice(given: object, expected: str) -> str:
    found = re.findall(r"'(.*?)'(?=, | or |$)|\"(.*?)\"", expected)
    choices = [plain or odd for plain, odd in found]
    hint = near(given, choices) if isinstance(given, str) else ""
    *most, last = [f'"{choice}"' for choice in choices]
    listed = f"{', '.join(most)} or {last}" if most else last
    return f"{listed} is wanted here, not {_shown(given)}" + (hint if "mean" in hint else "")


def _meaning(pattern: str) -> str:
    fits = [begin for begin in PATTERNS if pattern.startswith(begin)]
    return PATTERNS[max(fits, key=len)] if fits else f"text like {pattern} is wanted here"


def _shown(given: object) -> str:
    match given:
        case bool():
            return str(given).lower()
        case str():
            return f"'{shown(given, limit=60)}'"
        case Mapping():
            return "a table"
        case Sequence():
            return "a list"
        case _:
            return shown(str(given), limit=60)


def keys(model: type[BaseModel], path: Path) -> list[str]:
    """Pure: the keys that a table of this model takes at `path`; none where any are taken, or no table is."""
    here: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, int) or here is None:
            continue
        fields = {info.alias or name: info for name, info in here.model_fields.items()}
        if step in fields:
            here = _model(fields[step].annotation)
    return [info.alias or name for name, info in here.model_fields.items()] if here else []


def _model(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside `tuple[Column, ...]`, `Mapping[Name, Field]`, `Inbox | None`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    inner = (_model(part) for part in typing.get_args(annotation))
    return next((found for found in inner if found), None)
