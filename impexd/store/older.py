"""
The configurations that runs were begun under: a run keeps its own, whatever is reloaded meanwhile.

The store has the text of each; the few that were used last are at hand, so that neither a run costs
a reading nor a thousand reloads a thousand configurations.
"""

from collections import OrderedDict

from impexd.model.config import Config
from impexd.store import runs
from impexd.store.engine import Store

KEPT = 8
"""Configurations that are at hand."""


class Older:
    """The configurations that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Config] = OrderedDict()

    def add(self, config: Config) -> None:
        """Have one at hand."""
        self._kept[config.hash] = config
        self._kept.move_to_end(config.hash)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def of(self, store: Store, hash: str | None, now: Config) -> Config:
        """Find the configuration of a hash; the one in force `now` if the store does not have it."""
        if hash is None or hash == now.hash:
            return now
        if hash not in self._kept:
            async with store.reading() as tx:
                body = await runs.config(tx, hash)
            if body is None:
                return now
            self.add(Config.from_json(body))
        return self._kept[hash]
