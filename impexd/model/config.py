"""
Everything the operator has said, as one frozen value, and its own JSON.

`Config.from_json` is the only way to make one: `config.load` writes the JSON of what it has read
(`body`), a worker process or a run that is carried on later gets that text, and so all of them
work with exactly the same.  No secret is ever in it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from impexd.core.errors import ConfigError
from impexd.model import entity, feed
from impexd.model.base import Model
from impexd.model.descriptor import Descriptor
from impexd.model.entity import Entity, Kind
from impexd.model.etc import Etc
from impexd.model.export import ExportDescriptor, ExportGroup
from impexd.model.exporter import Exporter
from impexd.model.feed import Feed, FeedMap
from impexd.model.group import ImportGroup
from impexd.model.instance import Instance

M = TypeVar("M", bound=Model)
FORM = 1
"""The form of `body`; a body of another form is refused."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the operator has said."""

    etc: Path
    var: Path
    instance: Instance
    catalogue: dict[str, Kind]
    descriptors: dict[str, Descriptor]
    groups: dict[str, ImportGroup]
    queries: dict[str, ExportDescriptor]
    """Descriptors of exports."""
    exports: dict[str, ExportGroup]
    """Groups of exports."""
    exporters: dict[str, Exporter]
    """Who is told of what becomes of orders."""
    feeds: dict[str, Feed]
    maps: dict[str, FeedMap]
    """What the words of feeds mean."""
    inboxes: dict[str, Path]
    """The inbox of each group, links followed."""
    socket: Path
    body: str
    """All of it as JSON, without secrets."""
    hash: str
    """SHA-256 of `body`, in hexadecimal."""

    @classmethod
    def from_json(cls, body: str) -> Self:
        """Give the configuration that a `body` was made of; ConfigError if it is of another release's form."""
        try:
            tree = json.loads(body)
            if tree["form"] != FORM:
                raise ValueError(f"form {tree['form']}")
            return cls._of(tree, body)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = "this configuration was kept by another release of impexd and cannot be read"
            raise ConfigError(
                [what], hint="run it with that release, or start the run anew"
            ) from error

    @classmethod
    def _of(cls, tree: Mapping[str, Any], body: str) -> Self:
        instance = _model(Instance, tree["instance"])
        groups = {name: _model(ImportGroup, inner) for name, inner in tree["groups"].items()}
        home = Path(tree["etc"])
        var = real(home / instance.instance.var)
        return cls(
            etc=home,
            var=var,
            instance=instance,
            catalogue={
                name: entity.kind(name, _model(Entity, inner))
                for name, inner in tree["entities"].items()
            },
            descriptors={
                name: _model(Descriptor, inner) for name, inner in tree["descriptors"].items()
            },
            groups=groups,
            queries={
                name: _model(ExportDescriptor, inner) for name, inner in tree["queries"].items()
            },
            exports={name: _model(ExportGroup, inner) for name, inner in tree["exports"].items()},
            exporters={
                name: _model(Exporter, inner) for name, inner in tree.get("exporters", {}).items()
            },
            feeds={name: _feed(inner) for name, inner in tree["feeds"].items()},
            maps={name: _model(FeedMap, inner) for name, inner in tree["maps"].items()},
            inboxes={name: inbox(group, name, var) for name, group in groups.items()},
            socket=var / instance.control.socket,
            body=body,
            hash=hashlib.sha256(body.encode()).hexdigest(),
        )


def body(home: Path, parsed: Etc) -> str:
    """Pure: write the JSON of what the files in `home` say."""

    def dumped(models: Mapping[str, Model]) -> dict[str, object]:
        return {
            name: models[name].model_dump(mode="json", by_alias=True) for name in sorted(models)
        }

    tree = {
        "form": FORM,
        "etc": str(home),
        "instance": parsed.instance.model_dump(mode="json", by_alias=True),
        "entities": dumped(parsed.entities),
        "descriptors": dumped(parsed.descriptors),
        "groups": dumped(parsed.groups),
        "queries": dumped(parsed.queries),
        "exports": dumped(parsed.exports),
        "exporters": dumped(parsed.exporters),
        "feeds": dumped(parsed.feeds),
        "maps": dumped(parsed.maps),
    }
    # The order of fields and columns is the operator's, so keys are not sorted.
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def inbox(group: ImportGroup, name: str, var: Path) -> Path:
    """Give the folder of a group's inbox, links followed."""
    return real(var / (group.inbox.path or f"inbox/{name}"))


def outbox(group: ExportGroup, name: str, var: Path) -> Path:
    """Give the folder that a group's files are laid into."""
    path = None if group.target.away else group.target.path
    return var / (path or f"outbox/{name}")


def trusted(config: Config) -> Path | None:
    """Give the file with more certificates to be trusted; None if there is none."""
    name = config.instance.outbound.ca_file
    return None if name is None else config.etc / name


def real(path: Path) -> Path:
    """Follow the links of a path, as far as it exists."""
    return Path(os.path.realpath(path))


def _feed(tree: Mapping[str, Any]) -> Feed:
    made = _model(feed.kind(tree) or FeedMap, tree)
    assert isinstance(made, Feed)
    return made


def _model(model: type[M], tree: object) -> M:
    return model.model_validate_json(json.dumps(tree), by_alias=True, by_name=False)
