"""What the store needs to apply a plan: pure, from the plan and the configuration it was made under."""

from impexd.core.clock import stamp
from impexd.imports import defaults, guard, parking, sheets, verdicts
from impexd.imports.bench import Bench
from impexd.imports.order import Planned
from impexd.model.config import Config
from impexd.model.run import Run
from impexd.store import applying
from impexd.store.applying import Decided


def decided(bench: Bench, run: Run, config: Config, planned: Planned) -> Decided:
    """Put together everything the store needs to apply a run's plan."""
    forms = sheets.forms(planned.descriptors, config.descriptors, config.catalogue)
    total = guard.total(planned)
    names = applying.names(bench.desk.store, run.id)
    return Decided(
        run,
        bench.scratch(run),
        tuple(form.sheet for form in forms),
        planned.at,
        verdicts.parts_of(planned, "applied"),
        verdicts.problems_of(planned),
        total.inserted + total.updated + total.deleted,
        {form.sheet.k: defaults.of(form.sheet, names) for form in forms},
        parking.waiting(bench, run, config),
        {form.sheet.k: feed for form in forms if (feed := _feed(run, form, config))},
        stamp(bench.desk.clock.now()),
        frozenset(form.sheet.k for form in forms if form.sheet.together),
    )


def _feed(run: Run, form: sheets.Form, config: Config) -> str:
    """Pure: the feed whose messages a form's records are; "" if they are none."""
    if config.descriptors[form.descriptor].service != "messages":
        return ""
    ours = (
        name
        for name, feed in config.feeds.items()
        if feed.kind == "folder" and feed.group == run.group
    )
    return next(ours, "")
