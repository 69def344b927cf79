"""An open instance, and what tests of exports ask of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impexd.exports import run as exporting
from impexd.model.entity import Kind
from tests.exports import things
from tests.flows.inside import Inside


class House:
    """An open instance."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        self.instance = inside.instance
        self.etc = inside.home / "etc"

    @property
    def thing(self) -> Kind:
        """The entity."""
        return self.instance.config.catalogue["thing"]

    async def put(self, *records: things.Record) -> int:
        """Put records into the table."""
        return await things.put(self.instance.store, self.thing, records)

    async def empty(self) -> None:
        """Take all records away."""
        await things.empty(self.instance.store, self.thing)

    async def export(
        self, group: str, name: str | None = None, *, full: bool = False
    ) -> dict[str, Any]:
        """Make a file, and give its run where it stays."""
        said = {"group": group, "name": name, "full": full}
        started = await self.inside.asked.post("/api/v1/exports", **said)
        return await self.inside.settled(started["run"])

    async def file(self, group: str) -> bytes:
        """Make a file, and give what is in it."""
        run = await self.export(group)
        assert run["state"] == "published", run["message"]
        return Path(run["export"]["path"]).read_bytes()

    async def begin(self, group: str) -> int:
        """Journal an export, and have it carried later."""
        async with self.instance.store.writing() as tx:
            return await exporting.begin(
                self.instance.exports, tx, group, occurrence=None, name=None, actor=None, note=None
            )

    async def say(self, **files: str) -> None:
        """Say some files of the configuration otherwise, and have it taken."""
        for name, text in files.items():
            (self.etc / name.replace("__", "/")).with_suffix(".toml").write_text(text)
        await self.inside.asked.post("/api/v1/reload")

    async def back(self, group: str, name: str, data: bytes) -> dict[str, Any]:
        """Import a file by the descriptors that mirror a group's."""
        found = (await self.inside.asked.get(f"/api/v1/exports/{group}/mirror"))["descriptors"]
        names: Sequence[str] = list(found)
        for one, text in found.items():
            (self.etc / "descriptors" / f"{one}.toml").write_text(text)
        said = f'kind = "import"\ndescriptors = {json.dumps(names)}\n'
        await self.say(groups__back=said)
        return await self.inside.load(name, data, group="back")

    def outbox(self, group: str) -> list[str]:
        """The names in an outbox, drafts too."""
        top = self.instance.config.var / "outbox" / group
        return sorted(str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir())
