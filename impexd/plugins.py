"""
What is plugged in: entry points become registries.

Ours come through the same door as those of others: a package names its class in
`[project.entry-points."impexd.exporters"]` of its pyproject.toml, and it is there.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from impexd.core.errors import PluginError
from impexd.core.text import shown
from impexd.ports import Exporter

EXPORTERS = "impexd.exporters"


@cache
def exporters() -> Mapping[str, Exporter]:
    """
    Give the kinds of exporters by name, each made once.

    Raises `PluginError` if one cannot be loaded, or two packages give the same name.
    """
    found: dict[str, Exporter] = {}
    for point in sorted(entry_points(group=EXPORTERS)):
        if point.name in found:
            raise PluginError(
                f"two packages bring an exporter of the type {shown(point.name)}",
                hint="remove one of them",
            )
        try:
            found[point.name] = point.load()()
        except Exception as error:
            owner = point.dist.name if point.dist else "?"
            what = f"the exporter {shown(point.name)} of {shown(owner)} cannot be loaded"
            told = f"{what}: {type(error).__name__}: {shown(str(error))}"
            raise PluginError(told, hint=f"update or remove the package {shown(owner)}") from error
    return found
