"""
Small files that lie one behind the other, staged and planned as one.

A file of ten rows costs no more than a large one does once, so a hundred of them are one stage, one
plan and one transaction; each stays a run with counts, parts, images and a place of its own.  It
may differ in nothing from carrying them one after the other: so only files are bundled that have
nothing to do with each other, and the first that is not plainly to be applied ends the bundle.

Runs in a worker process, but for `together`, which is pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from impexd.core.errors import DataError
from impexd.imports import draft, guard, match, sheets, stage, unpack
from impexd.imports.meter import Told
from impexd.imports.order import Member, PartResult, Planned
from impexd.imports.pictures import keep
from impexd.imports.unpack import File
from impexd.model.config import Config
from impexd.model.descriptor import Descriptor, Format, Missing, Mode
from impexd.model.entity import Catalogue
from impexd.model.group import ImportGroup
from impexd.model.run import Run
from impexd.store import stage as tables
from impexd.store.staging import Staging

MOST = 200
"""Runs in a bundle: it is carried in a second or two, and nobody waits for longer than that."""
SMALL = 64 << 10
"""Bytes of a file that is small."""
ALONE = (".zip", *unpack.SHEETS)
"""Suffixes of archives, which hold many files or are slow to read."""
PLAIN = frozenset({Mode.MERGE, Mode.INSERT, Mode.UPDATE})
WAITS = frozenset({Missing.CREATE, Missing.PARK})


def together(runs: Sequence[Run], config: Config) -> list[Run]:
    """
    Pure: the runs, from the first on, that may be carried as one; [] if they may not.

    `runs` are claimed runs of one group in the order they are carried in.
    """
    group = config.groups.get(runs[0].group) if runs else None
    if group is None:
        return []
    descriptors = {name: config.descriptors[name] for name in group.descriptors}
    found: list[Run] = []
    used: set[str] = set()
    hashes: set[str | None] = set()
    for run in runs[:MOST]:
        taking = {name for name, one in descriptors.items() if match.takes(one, run.name)}
        if not _plain(run, config.hash) or run.sha256 in hashes or not taking:
            break
        if not taking <= used and not apart(used | taking, descriptors, config.catalogue):
            break
        used |= taking
        hashes.add(run.sha256)
        found.append(run)
    return found


def _plain(run: Run, config: str) -> bool:
    """Pure: is this a small file that nobody has said anything about, and that has ended nobody?"""
    said = run.dry or run.forced or run.approved or run.parent is not None or run.crashes
    return (
        not said
        and run.origin == "inbox"
        and run.config == config
        and (run.bytes or SMALL) < SMALL
        and not run.name.lower().endswith(ALONE)
        and match.mended(run.name) is None
    )


def apart(
    names: Iterable[str], descriptors: Mapping[str, Descriptor], catalogue: Catalogue
) -> bool:
    """Pure: do files that these descriptors take have nothing to do with each other but for their keys?"""
    forms = sheets.forms(sorted(names), descriptors, catalogue)
    entities = [form.sheet.kind.name for form in forms]
    if len(set(entities)) < len(entities):
        return False
    written = set(entities)
    return all(
        descriptors[form.descriptor].service == "entity"
        and descriptors[form.descriptor].file.format is not Format.IMAGE
        and form.sheet.mode in PLAIN
        and not form.sheet.row_modes
        and form.sheet.duplicates == "reject"  # which row gave way is said of a file by itself
        and not any(one.ref in written or one.missing in WAITS for one in form.sheet.targets)
        for form in forms
    )


async def plan(
    db: Staging, members: Sequence[Member], config: Config, group: ImportGroup, told: Told
) -> tuple[Planned, ...]:
    """Stage files and plan them as one; gives a plan for each run, from the first on, that may be applied."""
    names = [member.name for member in members]
    descriptors = {name: config.descriptors[name] for name in group.descriptors}
    matched = match.plan(names, descriptors)
    with ExitStack() as stack, keep.opened(config.var) as shelf:
        files = _opened(stack, members, config, group)
        taken = [one for one in matched.taken if one.member < len(files)]
        taken.sort(key=lambda one: one.member)
        used = dict.fromkeys(one.descriptor for one in taken)
        forms = sheets.forms(used, descriptors, config.catalogue)
        mine = match.Matched(tuple(taken), ())
        limits = config.instance.limits
        staged = await stage.fill(db, files, descriptors, forms, mine, limits, told, shelf)
    draft.index(db, staged)
    return _planned(db, members, staged, config, group, _readable(db, staged, len(files)))


def _opened(
    stack: ExitStack, members: Sequence[Member], config: Config, group: ImportGroup
) -> list[File]:
    """Open files up to the first that is none."""
    found: list[File] = []
    for member in members:
        where, limits = Path(member.source), config.instance.limits
        try:
            opened = unpack.files(where, member.name, limits, group.zip_names)
            (file,) = stack.enter_context(opened)
        except DataError:
            break
        found.append(file)
    return found


def _readable(db: Staging, staged: stage.Staged, count: int) -> int:
    """Give how many runs come before the first with a row that is wrong, or that another has brought."""
    wrong = [part.member for part in staged.parts if part.failed or part.rejected]
    member = {part.n: part.member for part in staged.parts}
    for form in staged.forms:
        first = db.rows(tables.repeated(form.sheet, db.names))[0][0]
        if first is not None:
            wrong.append(member[int(str(first))])
    return min([count, *wrong])


def _planned(
    db: Staging,
    members: Sequence[Member],
    staged: stage.Staged,
    config: Config,
    group: ImportGroup,
    count: int,
) -> tuple[Planned, ...]:
    """Plan as many runs as can be applied without a thought."""
    runs = [members[part.member].run for part in staged.parts]
    for statement in tables.bundle_noting(runs, db.names):
        db.execute(statement)
    while count > 1:
        _withdraw(db, staged, count)
        whole = draft.make(db, members[0].run, staged, group, config.catalogue, 1)
        plans = _shared(whole, [part.member for part in staged.parts])
        good = 0 if whole.moved or whole.refused else _good(plans, group)
        if good == count:
            return tuple(plans)
        draft.forget(db, staged)
        count = good
    return ()


def _withdraw(db: Staging, staged: stage.Staged, count: int) -> None:
    """Take out of the stage what runs have brought that are not carried with the others."""
    for part in staged.parts:
        if part.member >= count:
            for statement in tables.withdrawal(part.form.sheet, part.n, db.names):
                db.execute(statement)
    staged.parts = [part for part in staged.parts if part.member < count]


def _shared(whole: Planned, members: Sequence[int]) -> list[Planned]:
    """Pure: one plan for all as a plan for each; records that runs before it make are there for a run."""
    live = dict(whole.live)
    plans = []
    for member in dict.fromkeys(members):
        mine = [part for part, of in zip(whole.parts, members, strict=True) if of == member]
        parts = [part.model_copy(update={"n": n}) for n, part in enumerate(mine)]
        more = {"parts": tuple(parts), "live": dict(live)}
        plans.append(whole.model_copy(update=more))
        for part in parts:
            live[part.entity] = live.get(part.entity, 0) + part.counts.inserted
    return plans


def _good(plans: Sequence[Planned], group: ImportGroup) -> int:
    """Pure: how many plans, from the first on, are to be applied as they are."""
    wrong = (
        n
        for n, one in enumerate(plans)
        if guard.outside(one, group.guard) or any(map(_doubtful, one.parts))
    )
    return next(wrong, len(plans))


def _doubtful(part: PartResult) -> bool:
    """Pure: is there something to be said of a part?"""
    said = part.problems or part.counts.rejected or part.counts.parked or part.counts.deleted
    return bool(said) or part.state == "rejected"
