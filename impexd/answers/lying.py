"""
Why is a file that lies in an inbox not taken?

Takes the inlet and the name, asks the same steps that a pass over the inbox asks (`scan`, `judge`),
without taking anything.  Blocking; gives the first reason that holds.
"""

import os
import stat
from pathlib import Path

from impexd.answers import writers
from impexd.answers.reason import Reason
from impexd.core import durable
from impexd.core.errors import WorldError
from impexd.core.text import shown
from impexd.inbox import folders, judge, scan
from impexd.inbox.desk import Desk, Inlet
from impexd.inbox.judge import Why
from impexd.inbox.settle import Watched

TEMPORARY = "rename it once it is complete; names like this are files that somebody is busy with"


def reason(desk: Desk, inlet: Inlet, name: bytes) -> Reason:
    """Say why a file is not taken, or that it will be."""
    try:
        with durable.opened(inlet.path) as inbox:
            return _named(desk, inlet, inbox, name)
    except OSError as error:
        what = f"the inbox of {inlet.group} cannot be read: {error.strerror or error}"
        return Reason("inbox", what, "look at the folder and its disk", inlet.group)


def _named(desk: Desk, inlet: Inlet, inbox: int, name: bytes) -> Reason:
    group, text = inlet.group, shown(name)
    status = os.stat(name, dir_fd=inbox, follow_symlinks=False)
    if scan.temporary(name):
        return Reason("temporary", f"{text} has the name of an unfinished file", TEMPORARY, group)
    if name.endswith((*inlet.companions, *scan.COMPANIONS)):
        what = f"{text} is a companion: it says that the file beside it is complete"
        return Reason("companion", what, "", group)
    if stat.S_ISDIR(status.st_mode):
        return Reason("folder", f"{text} is a folder; folders are left alone", "", group)
    if not scan.meant(name, inlet.match):
        rule = inlet.rules.match
        what = f"{text} does not match {rule}" if rule else f"{text} has no ending that is known"
        hint = f"rename it, or change `match` under [inbox] of groups/{group}.toml"
        return Reason("not_matching", what, hint, group)
    try:
        folders.check_room(desk.folders, desk.reserve)
    except WorldError as error:
        return Reason("reserve", str(error), error.hint, group)
    links = inlet.rules.copy_mode
    fault = scan.unfit(name, status, largest=inlet.limits.file, links=links)
    if fault is not None:
        what = f"it is refused: {fault.message}"
        return Reason(str(fault.code), what, "mend it, and give it again", group)
    return _judged(desk, inlet, inbox, name)


def _judged(desk: Desk, inlet: Inlet, inbox: int, name: bytes) -> Reason:
    look = scan.look(
        inbox,
        match=inlet.match,
        largest=inlet.limits.file,
        links=inlet.rules.copy_mode,
        ends=inlet.companions,
    )
    found = next((one for one in look.candidates if one.seen.name == name), None)
    if found is None:
        what = f"{shown(name)} stands behind {len(look.candidates):,} other files"
        return Reason("behind", what, "", inlet.group)
    at = desk.clock.monotonic()
    known = desk.watched.get(inlet.group, {}).get(name)
    watched = known if known and known.seen == found.seen else Watched(found.seen, at)
    judged = judge.judge(
        inbox, found, watched, companions=look.companions, rules=inlet.rules, at=at
    )
    if judged is None:
        return Reason("gone", f"{shown(name)} has just gone", "", inlet.group)
    if judged.fault is not None:
        what = f"it is refused: {judged.fault.message}"
        return Reason(str(judged.fault.code), what, "mend it, and give it again", inlet.group)
    return _waiting(inlet, name, judged.why, judged.again)


def _waiting(inlet: Inlet, name: bytes, why: Why | None, again: float) -> Reason:
    """Put into words what a file waits for."""
    group, text = inlet.group, shown(name)
    if why is Why.WRITER:
        who = ", ".join(writers.of(inlet.path / os.fsdecode(name))) or "a process"
        what = f"{text} is held open for writing by {who}"
        return Reason("writer", what, "it is taken once it is closed", group)
    if why is Why.END:
        end = inlet.rules.companion
        if end:
            what = f"{text} waits for its companion {text}{end}"
            return Reason("companion_missing", what, f"put {text}{end} beside it", group)
        what = f"{text} has no end yet: half of it has come, or its companion does not agree"
        patience = inlet.rules.incomplete_after
        return Reason("incomplete", what, f"after {patience:g} s it is put into failed", group)
    if why in (Why.SETTLING, Why.CHANGED):
        what = f"{text} is still growing, or has just come; it is taken in {again:.1f} s at the earliest"
        hint = f"it has to keep still for {inlet.rules.settle:g} s (`settle` of the group)"
        return Reason("growing", what, hint, group)
    return Reason("ready", f"{text} is complete, and is taken with the next look", "", group)


def named(path: Path) -> bytes:
    """Pure: the name of a file as bytes."""
    return os.fsencode(path.name)
