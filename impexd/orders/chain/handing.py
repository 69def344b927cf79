"""Hand one task to its exporter, or ask about it; whatever that raises becomes an outcome."""

import structlog

from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.model.exporter import Exporter
from impexd.model.task import Task
from impexd.model.telling import Doubtful, Frozen, NotTaken, Outcome
from impexd.orders.chain import bench as benches
from impexd.orders.chain import freezing
from impexd.orders.chain.bench import Bench
from impexd.ports import Exporter as Kind

log = structlog.get_logger(__name__)


async def handed(bench: Bench, exporter: Exporter, kind: Kind, task: Task, *, ask: bool) -> Outcome:
    """Send a task as it is frozen; `ask`: only if the partner does not have it."""
    means = benches.means(bench, task.exporter)
    settings = freezing.settings(exporter, kind)
    frozen = Frozen(task.body or b"", task.content or "", task.frozen or {})
    try:
        if ask:
            known = await kind.ask(settings, frozen, task.key, means)
            if not isinstance(known, NotTaken):
                return known
            log.info("the partner does not have it, it is sent again")
        return await kind.send(settings, frozen, task.key, means)
    except WorldError as error:
        return Doubtful(shown(str(error), limit=500))
    except Exception as error:
        # A plug-in's own fault: it ends this task and no other.
        log.error("exporter failed", type=exporter.type, exc_info=error)
        return Doubtful(f"the exporter failed: {type(error).__name__}: {shown(str(error))}")
