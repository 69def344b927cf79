"""One pass over an exporter's tasks: what is on its way, what came back, whose turn is next."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from impexd.core import backoff
from impexd.core.clock import stamp
from impexd.core.doorbell import Doorbell
from impexd.core.errors import DataError
from impexd.model.config import Config
from impexd.model.exporter import Exporter, OnUnknown
from impexd.model.standing import Standing
from impexd.model.task import GOING, Task, TaskState
from impexd.model.telling import Frozen, Outcome
from impexd.orders.chain import fate, freezing
from impexd.orders.chain.bench import Bench
from impexd.orders.chain.fate import Step
from impexd.orders.chain.following import Move
from impexd.ports import Exporter as Kind
from impexd.store import task_line, tasks

AHEAD = 200
"""Tasks that are looked up at a time."""


@dataclass(slots=True)
class Round:
    """One pass, under the configuration it began with."""

    bench: Bench
    name: str
    config: Config
    exporter: Exporter
    kind: Kind
    on_unknown: OnUnknown
    standing: Standing
    """How the partner answers."""
    kept: Standing
    """How that stands in the tables."""
    line: deque[int] = field(default_factory=deque)
    """Tasks that are due, and wait for their turn."""
    going: set[int] = field(default_factory=set)
    """Tasks that are on their way, or whose outcome is not written yet."""
    back: list[tuple[Task, Outcome]] = field(default_factory=list)
    """What has an outcome that nobody has looked at yet."""
    news: Doorbell = field(default_factory=Doorbell)

    @property
    def now(self) -> str:
        """The moment, as the tables have it."""
        return stamp(self.bench.clock.now())

    @property
    def free(self) -> int:
        """How many tasks may be begun now."""
        bench = self.bench
        if bench.stopped or bench.config is not self.config or self.standing.closed(self.now):
            return 0
        # One task finds out whether a partner is back; the others wait for what becomes of it.
        most = 1 if self.standing.trips else self.exporter.concurrency
        return max(most - len(self.going), 0)


@dataclass(slots=True)
class Turn:
    """What one transaction writes of a round: tasks that have ended, tasks that begin."""

    ended: list[Move] = field(default_factory=list)
    """What was sent."""
    stayed: list[Move] = field(default_factory=list)
    """What is not sent, but goes elsewhere."""
    starts: dict[int, Task] = field(default_factory=dict)
    fresh: dict[int, Frozen] = field(default_factory=dict)
    """Of these, what is made of those that were never sent before."""
    asked: set[int] = field(default_factory=set)
    """Of these, those of which the partner is asked first."""

    def __bool__(self) -> bool:
        """Is there anything to be written?"""
        return bool(self.ended or self.stayed or self.starts)


async def turn(round: Round) -> Turn:
    """Look at what came back, and find out what is next."""
    made = Turn(ended=_ended(round))
    some = await _next(round)
    new = [task for task in some if task.body is None]
    frozen = await freezing.made(round.bench, round.kind, round.exporter, new)
    wrong: dict[int, DataError] = {}
    for task, one in zip(new, frozen, strict=True):
        if isinstance(one, DataError):
            wrong[task.id] = one
        else:
            made.fresh[task.id] = one
    now = round.bench.clock.now()
    for task in some:
        what = fate.before(task, round.exporter, round.on_unknown, now=now)
        if task.id in wrong:
            what = Step(TaskState.HELD, _reason(wrong[task.id]))
        if isinstance(what, Step):
            made.stayed.append(Move(task, what))
            continue
        made.starts[task.id] = task
        if what == "ask":
            made.asked.add(task.id)
    return made


def begun(task: Task, frozen: Frozen | None, *, config: str, now: str) -> Task:
    """Pure: a task as it is while being sent, and what is frozen of it if that is new."""
    going = replace(
        task,
        state=TaskState.SENDING,
        epoch=task.epoch + 1,
        attempts=task.attempts + 1,
        first_sent=task.first_sent or now,
        last_sent=now,
    )
    if frozen is None:
        return going
    return replace(
        going,
        body=frozen.body,
        content=frozen.content,
        frozen=dict(frozen.fixed),
        frozen_at=now,
        config_hash=config,
    )


def _ended(round: Round) -> list[Move]:
    """Take what came back: what it means for each task, and for the partner."""
    back, round.back = round.back, []
    clock, exporter = round.bench.clock, round.exporter
    now, moves = clock.now(), []
    for task, outcome in back:
        chance = backoff.chance(clock)
        step = fate.after(outcome, task, exporter, round.on_unknown, now=now, chance=chance)
        moves.append(Move(task, step))
        round.standing = fate.standing(
            round.standing, outcome, exporter.breaker, now=now, chance=chance
        )
    # Free for the next ones, although of an order that is kept this one is not over yet: `_next`
    # reads the tables, where it still is being sent.
    round.going -= {task.id for task, _ in back}
    return moves


async def _next(round: Round) -> Sequence[Task]:
    """Read the tasks whose turn it is, as they are now."""
    free, now = round.free, round.now
    if not free:
        return ()
    async with round.bench.store.reading() as tx:
        if len(round.line) < free:
            due = await task_line.due(
                tx,
                round.name,
                now=now,
                limit=AHEAD,
                ordered=round.exporter.ordered,
                besides=round.going,
            )
            round.line = deque(due)
        ids = [round.line.popleft() for _ in range(min(free, len(round.line)))]
        found = await tasks.some(tx, ids) if ids else []
    return [task for task in found if task.state in GOING and task.due <= now]


def _reason(error: DataError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)
