"""
What follows an applied run (`after` of its group), put on its way in the transaction that applies it.

So it is done if and only if the run was applied, whatever dies in between.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.imports.bench import Bench
from impexd.model import after
from impexd.model.run import Run
from impexd.store import followups


async def put(bench: Bench, tx: AsyncConnection, run: Run) -> None:
    """Have done what follows a run; what is asked for again and again is done once."""
    group = bench.config.groups.get(run.group)
    for name in dict.fromkeys(map(after.name, group.after if group else ())):
        await followups.put(tx, run.id, name, now=bench.desk.clock.now())
        await bench.follow(tx, name)
