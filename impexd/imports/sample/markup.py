"""
One record as XML: elements and attributes where the paths of a descriptor lead.

Pure.  A path is made as it is read: every element that it asks for, with the attribute or the
child that it asks it to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from impexd.core import lazy
from impexd.model import xml_path
from impexd.model.descriptor import Layout
from impexd.model.xml_path import Condition, Step

if TYPE_CHECKING:
    from lxml import etree
else:
    etree = lazy.module("lxml.etree")


ROOT = "data"
"""The root, where the descriptor does not name it."""


def written(layout: Layout, cells: Mapping[str, str]) -> bytes:
    """Pure: an XML file of one record; ValueError if a path cannot be made."""
    names = {prefix or None: uri for prefix, uri in layout.namespaces.items()}
    tags = xml_path.row(layout.row or "", layout.namespaces)
    if len(tags) == 1:
        uri = etree.QName(tags[0]).namespace
        tags = (f"{{{uri}}}{ROOT}" if uri else ROOT, *tags)
    root = etree.Element(tags[0], nsmap=names)
    chain = [root]
    for tag in tags[1:]:
        chain.append(etree.SubElement(chain[-1], tag))
    for path, text in cells.items():
        if text:
            _put(chain, xml_path.cell(path, layout.namespaces), text)
    etree.indent(root)
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return data + b"\n"


def _put(chain: list[etree._Element], path: xml_path.Path, text: str) -> None:
    if path.above:
        element = chain[len(path.steps) - 1]
    else:
        element = chain[-1]
        for step in path.steps:
            element = _child(element, step)
    if path.attribute:
        element.set(path.attribute, text)
    else:
        element.text = text


def _child(parent: etree._Element, step: Step) -> etree._Element:
    """Find the child that a step asks for, or make it."""
    alike = [child for child in parent if child.tag == step.tag]
    index = next((test.index for test in step.tests if test.index), 0)
    if index:
        while len(alike) < index:
            alike.append(etree.SubElement(parent, step.tag))
        return alike[index - 1]
    for child in alike:
        if all(_holds(child, test) for test in step.tests):
            return child
    made = etree.SubElement(parent, step.tag)
    for test in step.tests:
        if test.attribute:
            made.set(test.attribute, test.value or "1")
        elif test.child:
            etree.SubElement(made, test.child).text = test.value or "1"
    return made


def _holds(element: etree._Element, test: Condition) -> bool:
    found = element.get(test.attribute) if test.attribute else element.findtext(test.child)
    return found is not None and test.value in (None, found)
