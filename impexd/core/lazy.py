"""
Heavy libraries, loaded when something of them is first used: a daemon that never reads XML holds none of it.

    if TYPE_CHECKING:
        from lxml import etree
    else:
        etree = lazy.module("lxml.etree")
"""

from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Becomes like the module as soon as something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        found = import_module(self.__name__)
        self.__dict__.update(vars(found))
        return getattr(found, name)


def module(name: str) -> Any:
    """Give what stands for a module until it is used, and is as fast as the module from then on."""
    return _Later(name)
