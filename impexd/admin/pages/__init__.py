"""The pages: each asks the API, as a command does, and shows what it is told."""

from fastapi import FastAPI

from impexd.admin.house import House
from impexd.admin.origin import Place
from impexd.admin.pages import (
    data,
    entrance,
    exporting,
    feeds,
    files,
    groups,
    importing,
    orders,
    overview,
    partners,
    runs,
    schedule,
    settings,
    shell,
    still,
)
from impexd.admin.pages.asking import Asking
from impexd.admin.signing import Signing


def routes(made: FastAPI, house: House, signing: Signing, at: Place) -> None:
    """Add all pages."""
    asking = Asking(made)
    still.routes(made)
    entrance.routes(made, signing, at)
    for page in (overview, importing, exporting, groups, data, orders, feeds, partners, files):
        page.routes(made, asking)
    runs.routes(made, house, asking)
    schedule.routes(made, house, asking)
    settings.routes(made, house, asking)
    shell.answers(made)
