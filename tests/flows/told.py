"""Configurations told in a few words: a descriptor and a group as one call each, as TOML."""

from typing import Any

Column = dict[str, Any]


def column(source: str | int | None, to: str = "", **more: Any) -> Column:
    """A column from a cell (into the field of its name, if not said); None for none."""
    said: Column = {} if source is None else {"from": source}
    return said | {"to": to or str(source)} | more


def descriptor(
    entity: str | None,
    *columns: str | Column,
    match: str = "",
    file: str = "",
    records: str = "",
    **top: Any,
) -> str:
    """A descriptor; a column may be just its name.  `records` is TOML that follows."""
    head = {"entity": entity} if entity else {}
    lines = [f"{name} = {toml(value)}" for name, value in (head | top).items()]
    lines += ["[file]", f"match = '{match}'" if match else "", file]
    for one in columns:
        said = column(one) if isinstance(one, str) else one
        lines += ["[[column]]", *(f"{toml_key(n)} = {toml(v)}" for n, v in said.items())]
    return "\n".join([*lines, records, ""])


def record(entity: str, *columns: Column, **top: Any) -> str:
    """A `[[record]]` part of a descriptor."""
    lines = ["[[record]]", f'entity = "{entity}"', *(f"{n} = {toml(v)}" for n, v in top.items())]
    for said in columns:
        lines += ["[[record.column]]", *(f"{toml_key(n)} = {toml(v)}" for n, v in said.items())]
    return "\n".join([*lines, ""])


def group(*descriptors: str, guard: dict[str, Any] | None = None, **top: Any) -> str:
    """An import group."""
    lines = ['kind = "import"', f"descriptors = {toml(list(descriptors))}"]
    lines += [f"{name} = {toml(value)}" for name, value in top.items()]
    lines += ["[inbox]", "settle = 0"]
    if guard:
        lines += ["[guard]", *(f"{name} = {toml(value)}" for name, value in guard.items())]
    return "\n".join([*lines, ""])


def toml(value: Any) -> str:
    """Pure: a value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            inner = ", ".join(f"{toml_key(name)} = {toml(one)}" for name, one in value.items())
            return f"{{ {inner} }}"
        case _:
            return str(value)


def toml_key(name: str) -> str:
    """Pure: a key as TOML; bare where it may be."""
    return name if name.replace("_", "").isalnum() and name.isascii() else toml(name)
