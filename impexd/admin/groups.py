"""Groups and descriptors over the API: what is configured, what takes which file, templates, samples."""

import io
import zipfile
from datetime import datetime
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Query
from fastapi.responses import Response

from impexd.admin import acting, downloads, refusals
from impexd.admin.house import House
from impexd.core.errors import UsageError
from impexd.core.text import shown
from impexd.exports import draft, naming
from impexd.imports import match
from impexd.imports.sample import run as sampling
from impexd.model.config import Config
from impexd.model.descriptor import Descriptor
from impexd.model.faults.descriptor import parts

NEXT = "N"
"""Stands in a proposed name for the number that a file gets when it is made."""


def routes(made: FastAPI, house: House) -> None:
    """Add the routes."""

    @made.get("/api/v1/groups")
    async def groups() -> dict[str, Any]:
        config, who = house.bench.config, acting.who()
        return {
            "imports": [_import(config, name) for name in sorted(config.groups) if who.group(name)],
            "exports": [
                _export(config, name, house.clock.now())
                for name in sorted(config.exports)
                if who.group(name)
            ],
        }

    @made.get("/api/v1/groups/{group}/match")
    async def matching(group: str, name: str = Query(max_length=255)) -> dict[str, Any]:
        config = house.bench.config
        _known(config, group)
        mine = {one: config.descriptors[one] for one in config.groups[group].descriptors}
        if name.lower().endswith(".zip"):
            return {"descriptors": [], "said": "an archive: each file in it is taken by its name"}
        found = [one for one, descriptor in mine.items() if match.takes(descriptor, name)]
        said = f"taken by {', '.join(found)}" if found else "no descriptor of this group takes it"
        return {"descriptors": found, "said": said}

    @made.get(
        "/api/v1/groups/{group}/templates",
        response_class=Response,
        responses=refusals.answers("application/zip"),
    )
    async def templates(group: str) -> Response:
        config = house.bench.config
        _known(config, group)

        def made_zip() -> bytes:
            found = sampling.make(config.groups[group], config.descriptors, config.catalogue)
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in found.files.items():
                    archive.writestr(name, data)
            return out.getvalue()

        data = await anyio.to_thread.run_sync(made_zip)
        headers = downloads.saving(f"{group}-templates.zip", len(data))
        return Response(data, media_type="application/zip", headers=headers)


def _known(config: Config, group: str) -> None:
    if group not in config.groups:
        known = ", ".join(sorted(config.groups)) or "none"
        raise UsageError(f"there is no import group {shown(group)}", hint=f"there are: {known}")


def _import(config: Config, name: str) -> dict[str, Any]:
    group = config.groups[name]
    return {
        "name": name,
        "label": group.label,
        "inbox": str(config.inboxes[name]),
        "on_problem": group.on_problem,
        "atomic": group.atomic,
        "schedule": group.inbox.schedule or group.inbox.every,
        "guard": group.guard.model_dump(exclude_defaults=True),
        "after": list(group.after),
        "descriptors": [_descriptor(one, config.descriptors[one]) for one in group.descriptors],
    }


def _descriptor(name: str, one: Descriptor) -> dict[str, Any]:
    return {
        "name": name,
        "match": one.file.match,
        "format": one.file.format.value,
        "entities": list(dict.fromkeys(part.entity for part in parts(one))),
        "modes": list(dict.fromkeys(part.mode.value for part in parts(one))),
    }


def _export(config: Config, name: str, now: datetime) -> dict[str, Any]:
    group = config.exports[name]
    suffix = draft.suffix(group, config)
    return {
        "name": name,
        "label": group.label,
        "file": group.file,
        "proposed": naming.made(group, name, suffix=suffix, seq=NEXT, now=now),
        "schedule": group.schedule or group.every,
        "descriptors": [
            {"name": one, "entity": config.queries[one].query.entity} for one in group.descriptors
        ],
    }
