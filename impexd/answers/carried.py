"""Why is a run where it is?  From its state, the job that carries it, and who goes before it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from impexd.answers.reason import Reason
from impexd.core.clock import stamp
from impexd.core.text import shown
from impexd.model.run import Run, State
from impexd.store import lookup

ENDED = {
    State.ARCHIVED: "is loaded",
    State.APPLIED: "is loaded; its file is being put away",
    State.UNDONE: "was loaded and has been taken back",
    State.PLANNED: "was a dry run: nothing was changed",
    State.CANCELLED: "was refused by a person",
    State.VOID: "turned out to be none: the file was given back or had gone",
}
"""States that need no more words."""


async def reason(conn: AsyncConnection, dialect: str, run: Run, *, now: datetime) -> Reason:
    """Say why a run is where it is."""
    name, of = shown(run.name), f"run {run.id}"
    if run.state in ENDED:
        told = f": {shown(run.message)}" if run.message else ""
        return _of(run, run.state.value, f"{name} {ENDED[run.state]} ({of}){told}")
    match run.state:
        case State.DUPLICATE:
            hint = "`impexd import --again` loads the same bytes once more"
            return _of(run, "duplicate", f"{name} was not loaded: {run.message} ({of})", hint)
        case State.HELD:
            what = f"{name} waits for a person ({of}): {run.message}"
            hint = f"impexd show {run.id} --changes; impexd approve {run.id}, or refuse"
            return _of(run, "held", what, hint)
        case State.REJECTED | State.FAILED:
            what = f"{name} was refused ({of}): {run.code}: {run.message}"
            return _of(run, "rejected", what, f"impexd show {run.id} lists what is wrong with it")
        case State.STAGING | State.APPLYING:
            what = f"{name} is being loaded now ({of}, attempt {run.attempt})"
            return _of(run, "running", what, f"impexd show {run.id}")
        case State.CLAIMING:
            return _of(run, "claiming", f"{name} is being taken now ({of})")
        case _:
            return await _waits(conn, dialect, run, now)


async def _waits(conn: AsyncConnection, dialect: str, run: Run, now: datetime) -> Reason:
    """A claimed run: who or what goes before it?"""
    name = f"{shown(run.name)} is claimed (run {run.id})"
    job = await lookup.carrier(conn, dialect, run.id)
    if job is None:
        hint = "restart the daemon, which gives it one; `impexd verify` tells more"
        return _of(run, "job_lost", f"{name}, and no job carries it on", hint)
    if job.due is not None and job.due > now:
        what = f"{name}; its last attempt failed, and it is tried again at {stamp(job.due)}"
        return _of(run, "put_off", what, f"the log says why: impexd show {run.id} --log")
    other = await lookup.going(conn, run.group)
    if other is not None and other != run.id:
        what = f"{name} and waits for run {other}: a group loads one drop after the other"
        return _of(run, "lock", what)
    older = await lookup.before(conn, run.group, run.id)
    what = (
        f"{name}; {older} of its group go before it"
        if older
        else f"{name} and is next in its group"
    )
    return _of(run, "queue", what, "more is done at once with more daemon.workers")


def _of(run: Run, code: str, what: str, hint: str = "") -> Reason:
    return Reason(code, what, hint, run.group, run.id)
