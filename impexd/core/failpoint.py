"""
Places to die at, for tests.

`hit("after_claim")` does nothing unless the environment says
`IMPEXD_FAIL=after_claim:kill` (or `after_claim:kill:3`, the third time): then the
process ends as by kill -9.  Crash tests walk through `KNOWN`.
"""

import os
import signal

KNOWN: dict[str, str] = {
    "claim.journalled": "journal row committed, file still in the inbox",
    "claim.renamed": "file in work, folders not synced",
    "claim.synced": "file in work, hash not journalled",
    "claim.done": "claimed and enqueued",
    "stage.done": "stage complete, nothing applied",
    "apply.begun": "inside the transaction, before the first row",
    "apply.rows": "rows written, verdict not yet",
    "apply.committed": "verdict committed, file not archived",
    "archive.linked": "file in the archive and in work",
    "archive.done": "file archived, journal not told",
}
"""Every failpoint, with what is true there."""

_armed = os.environ.get("IMPEXD_FAIL", "")
_hits: dict[str, int] = {}


def hit(name: str) -> None:
    """Die here by SIGKILL if the environment asks for it; KeyError for a name not in `KNOWN`."""
    if not _armed:
        return
    KNOWN[name]
    where, _, rest = _armed.partition(":")
    if where != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    turn = rest.partition(":")[2] or "1"
    if _hits[name] == int(turn):
        os.kill(os.getpid(), signal.SIGKILL)
