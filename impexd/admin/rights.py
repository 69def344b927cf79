"""
Every route, and who may use it.  What is not in this table is refused, whoever asks.

A line is: method, path as the application has it, least role, and what their grants must reach:

    HOUSE   nothing in particular: it concerns the whole instance, or its handler shows only what
            `acting.who()` may see (lists)
    GROUP   the group in the path, `{group}`
    NAME    the group in the timetable's name in the path, `{name}`: `export:prices-out`
    RUN     the group of the run in the path, `{id}`
    ORDER   the shop of the order in the path, `{id}`
    TASK    the shop of the order of the export task in the path, `{id}`
    BODY    the group (or shop) stands in the body: the handler asks `acting.need_group`

`None` for the role means everybody, signed in or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from impexd.model.people import Role


class Scope(StrEnum):
    """What the grants of who asks must reach."""

    HOUSE = "house"
    GROUP = "group"
    NAME = "name"
    RUN = "run"
    ORDER = "order"
    TASK = "task"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line."""

    method: str
    path: str
    least: Role | None
    scope: Scope = Scope.HOUSE
    noted: bool = True
    """Has a change a line in the audit?  Not each piece of an upload has."""


VIEWER, OPERATOR, APPROVER, ADMIN = Role
HOUSE, GROUP, NAME, RUN, BODY = Scope.HOUSE, Scope.GROUP, Scope.NAME, Scope.RUN, Scope.BODY
ORDER, TASK = Scope.ORDER, Scope.TASK

# fmt: off
API = (
    Rule("GET",    "/healthz",                         None),
    Rule("GET",    "/readyz",                          VIEWER),
    Rule("GET",    "/metrics",                         VIEWER),
    Rule("GET",    "/api/v1/runs/{id}/log",            VIEWER, RUN),
    Rule("GET",    "/api/v1/why",                      VIEWER),
    Rule("GET",    "/api/v1/verify",                   ADMIN),
    Rule("GET",    "/api/v1/config/log",               ADMIN),
    Rule("POST",   "/api/v1/backup",                   ADMIN),
    Rule("GET",    "/api/v1/notices",                  VIEWER),
    Rule("POST",   "/api/v1/notices/test/{name}",      ADMIN),
    Rule("GET",    "/api/v1/status",                   VIEWER),
    Rule("GET",    "/api/v1/nodes",                    VIEWER),
    Rule("POST",   "/api/v1/nodes/{id}/retire",        ADMIN),
    Rule("POST",   "/api/v1/reload",                   ADMIN),
    Rule("POST",   "/api/v1/imports",                  ADMIN, BODY),
    Rule("GET",    "/api/v1/runs",                     VIEWER),
    Rule("GET",    "/api/v1/runs/{id}",                VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/changes",        VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/rejects",        VIEWER, RUN),
    Rule("POST",   "/api/v1/runs/{id}/approve",        APPROVER, RUN),
    Rule("POST",   "/api/v1/runs/{id}/refuse",         APPROVER, RUN),
    Rule("POST",   "/api/v1/runs/{id}/undo",           APPROVER, RUN),
    Rule("GET",    "/api/v1/parked",                   VIEWER),
    Rule("GET",    "/api/v1/records/{entity}",         VIEWER),
    Rule("GET",    "/api/v1/schedule",                 VIEWER),
    Rule("GET",    "/api/v1/schedule/{name}",          VIEWER, NAME),
    Rule("GET",    "/api/v1/occurrences/{id}",         VIEWER),
    Rule("POST",   "/api/v1/schedule/{name}/pause",    OPERATOR, NAME),
    Rule("POST",   "/api/v1/schedule/{name}/resume",   OPERATOR, NAME),
    Rule("POST",   "/api/v1/schedule/{name}/run",      OPERATOR, NAME),
    Rule("POST",   "/api/v1/exports",                  OPERATOR, BODY),
    Rule("POST",   "/api/v1/runs/{id}/send",           OPERATOR, RUN),
    Rule("GET",    "/api/v1/exports/{group}/mirror",   VIEWER, GROUP),
    Rule("GET",    "/api/v1/outbox",                   VIEWER),
    Rule("GET",    "/api/v1/outbox/{group}",           VIEWER, GROUP),
    Rule("GET",    "/api/v1/tasks",                    VIEWER),
    Rule("GET",    "/api/v1/tasks/{id}",               VIEWER, TASK),
    Rule("POST",   "/api/v1/tasks/{id}/hold",          OPERATOR, TASK),
    Rule("POST",   "/api/v1/tasks/{id}/release",       APPROVER, TASK),
    Rule("POST",   "/api/v1/tasks/{id}/skip",          APPROVER, TASK),
    Rule("POST",   "/api/v1/tasks/{id}/resend",        APPROVER, TASK),
    Rule("GET",    "/api/v1/orders",                   VIEWER),
    Rule("POST",   "/api/v1/orders",                   OPERATOR, BODY),
    Rule("GET",    "/api/v1/orders/{id}",              VIEWER, ORDER),
    Rule("GET",    "/api/v1/orders/{id}/table",        VIEWER, ORDER),
    Rule("POST",   "/api/v1/orders/{id}/events",       OPERATOR, ORDER),
    Rule("GET",    "/api/v1/order-table",              VIEWER),
    Rule("GET",    "/api/v1/refused-orders",           VIEWER),
    Rule("GET",    "/api/v1/orders/{id}/why",          VIEWER, ORDER),
    Rule("POST",   "/api/v1/orders/{id}/flags",        OPERATOR, ORDER),
    Rule("GET",    "/api/v1/feeds",                    VIEWER),
    Rule("GET",    "/api/v1/feeds/{name}",             VIEWER),
    Rule("POST",   "/api/v1/feeds/{name}/poll",        OPERATOR),
    Rule("GET",    "/api/v1/messages",                 VIEWER),
    Rule("GET",    "/api/v1/messages/{id}",            VIEWER),
    Rule("POST",   "/api/v1/messages/replay",          ADMIN),
)
"""What programs and commands ask."""

PEOPLE = (
    Rule("GET",    "/api/v1/me",                       VIEWER),
    Rule("GET",    "/api/v1/users",                    ADMIN),
    Rule("POST",   "/api/v1/users",                    ADMIN),
    Rule("POST",   "/api/v1/users/{id}",               ADMIN),
    Rule("POST",   "/api/v1/users/{id}/link",          ADMIN),
    Rule("POST",   "/api/v1/setup",                    ADMIN),
    Rule("GET",    "/api/v1/sessions",                 VIEWER),
    Rule("POST",   "/api/v1/sessions/{id}/end",        VIEWER),
    Rule("GET",    "/api/v1/tokens",                   VIEWER),
    Rule("POST",   "/api/v1/tokens",                   VIEWER),
    Rule("POST",   "/api/v1/tokens/{id}/end",          VIEWER),
    Rule("GET",    "/api/v1/audit",                    ADMIN),
)
"""Accounts; of sessions and tokens everybody has their own."""

WORK = (
    Rule("GET",    "/api/v1/openapi.json",             VIEWER),
    Rule("GET",    "/api/v1/uploads",                  OPERATOR),
    Rule("POST",   "/api/v1/uploads",                  OPERATOR, BODY, noted=False),
    Rule("PUT",    "/api/v1/uploads/{token}",          OPERATOR, BODY, noted=False),
    Rule("POST",   "/api/v1/uploads/{token}/import",   OPERATOR, BODY),
    Rule("POST",   "/api/v1/uploads/{token}/forget",   OPERATOR, BODY),
    Rule("GET",    "/api/v1/runs/{id}/source",         VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/file",           VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/rejects/{n}",    VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/problems",       VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/problems.csv",   VIEWER, RUN),
    Rule("GET",    "/api/v1/runs/{id}/events",         VIEWER, RUN),
    Rule("POST",   "/api/v1/runs/{id}/apply",          OPERATOR, RUN),
    Rule("POST",   "/api/v1/runs/{id}/cancel",         OPERATOR, RUN),
    Rule("GET",    "/api/v1/activity",                 VIEWER),
    Rule("GET",    "/api/v1/groups",                   VIEWER),
    Rule("GET",    "/api/v1/groups/{group}/match",     VIEWER, GROUP),
    Rule("GET",    "/api/v1/groups/{group}/templates", VIEWER, GROUP),
    Rule("GET",    "/api/v1/files",                    VIEWER),
    Rule("GET",    "/api/v1/files/{folder}/{name}",    VIEWER),
    Rule("POST",   "/api/v1/files/check",              VIEWER, noted=False),
    Rule("POST",   "/api/v1/files/try",                OPERATOR, BODY),
    Rule("POST",   "/api/v1/files/save",               ADMIN),
    Rule("POST",   "/api/v1/describe",                 OPERATOR, noted=False),
    Rule("GET",    "/api/v1/entities",                 VIEWER),
    Rule("GET",    "/api/v1/entities/{entity}/records", VIEWER),
)
"""What the pages need beside what commands ask."""

PAGES = (
    Rule("GET",    "/static/{hash}/{name}",            None),
    Rule("GET",    "/sign-in",                         None),
    Rule("POST",   "/sign-in",                         None, noted=False),
    Rule("POST",   "/sign-out",                        VIEWER, noted=False),
    Rule("GET",    "/welcome",                         None),
    Rule("POST",   "/welcome",                         None, noted=False),
    Rule("GET",    "/",                                VIEWER),
    Rule("GET",    "/import",                          OPERATOR),
    Rule("GET",    "/runs",                            VIEWER),
    Rule("GET",    "/runs/{id}",                       VIEWER, RUN),
    Rule("GET",    "/runs/{id}/live",                  VIEWER, RUN),
    Rule("GET",    "/runs/{id}/plan",                  VIEWER, RUN),
    Rule("GET",    "/runs/{id}/problems",              VIEWER, RUN),
    Rule("GET",    "/runs/{id}/undo",                  APPROVER, RUN),
    Rule("GET",    "/export",                          VIEWER),
    Rule("GET",    "/schedule",                        VIEWER),
    Rule("GET",    "/groups",                          VIEWER),
    Rule("GET",    "/groups/{group}",                  VIEWER, GROUP),
    Rule("GET",    "/data",                            VIEWER),
    Rule("GET",    "/data/{entity}",                   VIEWER),
    Rule("GET",    "/data/{entity}/record",            VIEWER),
    Rule("GET",    "/settings",                        VIEWER),
    Rule("GET",    "/files/{folder}/{name}",           VIEWER),
    Rule("GET",    "/sample",                          OPERATOR),
    Rule("GET",    "/orders",                          VIEWER),
    Rule("GET",    "/orders/{id}",                     VIEWER, ORDER),
    Rule("GET",    "/orders/{id}/picture.svg",         VIEWER, ORDER),
    Rule("GET",    "/feeds",                           VIEWER),
    Rule("GET",    "/messages/{id}",                   VIEWER),
    Rule("GET",    "/partners",                        VIEWER),
    Rule("GET",    "/tasks/{id}",                      VIEWER, TASK),
)
"""Pages: they show what the API tells who looks at them.  Signing in writes its own lines."""
# fmt: on

RULES: tuple[Rule, ...] = (*API, *PEOPLE, *WORK, *PAGES)
TABLE = {(rule.method, rule.path): rule for rule in RULES}


def rule(method: str, path: str) -> Rule | None:
    """Pure: the line for a route; None: refused.  HEAD is what GET is."""
    return TABLE.get(("GET" if method == "HEAD" else method, path))


def missing(routes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pure: the routes that have no line."""
    return [one for one in routes if rule(*one) is None]
