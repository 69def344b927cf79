"""
Everything the API's own document allows, and some of what it does not, asked by every role.

    python -m tests.admin.api_check [EXAMPLES] [PATH]

Takes a daemon of its own with something of everything in it; asks each operation of the OpenAPI
document EXAMPLES times (100) as nobody and as each role, with ids that exist and ids that do not.
Prints each answer that is a 5xx or is not as the document says, and how often each status came;
ends with 1 if there was one.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, checks
from schemathesis.core.failures import Failure, FailureGroup

from impexd import config as configuration
from impexd.core import address
from impexd.model.people import Role
from tests.browser.site import Site, rows, running
from tests.processes import until

KNOWN = {
    "id": ("1", "2", "3", "4", "A-1"),
    "group": ("items", "items-out"),
    "name": ("export:items-out", "lists", "items.toml"),
    "entity": ("item",),
    "folder": ("groups", "descriptors", "entities"),
    "n": ("0", "1"),
}
"""What is there to be asked for, by the name of the parameter."""
JUDGED = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
UNHEALTHY = (("/healthz", 503), ("/readyz", 503))
"""5xx that say what they are for."""


@dataclass
class Asked:
    """What was answered."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Peer:
    """A daemon that is asked, and its socket."""

    site: Site
    local: httpx2.Client

    def token(self, role: Role) -> str:
        """Make a token of a role; whatever was done to its account since, it is as it was."""
        account = {"role": role.value, "groups": ["*"], "shops": ["*"], "disabled": False}
        users = self._told("GET", "/api/v1/users")["users"]
        mine = next((one for one in users if one["name"] == role.value), None)
        if mine is None:
            self._told("POST", "/api/v1/users", {"name": role.value, "role": role.value})
        elif any(mine[name] != value for name, value in account.items()):
            self._told("POST", f"/api/v1/users/{mine['id']}", account)
        told = {"person": role.value, "name": "check", "role": role.value}
        return str(self._told("POST", "/api/v1/tokens", told)["token"])

    def _told(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.local.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def fill(self, home: Path) -> None:
        """Have something of everything: runs with problems, an export, an order, a task, a dead letter."""
        bad = home / "items-bad.csv"
        bad.write_bytes(rows(["a;Cup;1", "b;Pot;much", "c;Lid;3"]))
        held, said = home / "items-held.csv", home / "courier.csv"
        held.write_bytes(rows(["d;Lid;3"]))
        said.write_text("order;status;date\nA-1;label;yesterday\n")
        for group, path in (("items", bad), ("guarded", held), ("courier", said)):
            self._told("POST", "/api/v1/imports", {"group": group, "path": str(path)})
        self._told("POST", "/api/v1/exports", {"group": "items-out"})
        lines = [{"ref": "1", "sku": "a", "quantity": "1"}]
        order = {"number": "A-1", "payment": {"method": "transfer"}, "lines": lines}
        self._told("POST", "/api/v1/orders", {"orders": [order]})
        self._told("POST", "/api/v1/orders/A-1/events", {"event": "payment_confirmed"})
        until(self._settled, "runs that are over, a task and a message")

    def _settled(self) -> bool:
        runs = self._told("GET", "/api/v1/runs")["runs"]
        over = {"archived", "published", "held", "failed", "rejected"}
        return (
            all(one["state"] in over for one in runs)
            and bool(self._told("GET", "/api/v1/tasks")["tasks"])
            and bool(self._told("GET", "/api/v1/messages")["messages"])
        )


@contextmanager
def peer(home: Path) -> Iterator[Peer]:
    """Have a daemon run, and something in it."""
    with running(home) as site, address.short(configuration.control_socket(home / "etc")) as name:
        transport = httpx2.HTTPTransport(uds=name)
        with httpx2.Client(transport=transport, base_url="http://impexd", timeout=60) as local:
            found = Peer(site, local)
            found.fill(home)
            yield found


def check(peer: Peer, examples: int, only: str = "") -> Asked:
    """Ask everything as everybody."""
    asked, tokens = Asked(), dict[str, str]()
    document = peer.local.get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=peer.site.url)
    with httpx2.Client(base_url=peer.site.url, timeout=60) as http:
        for result in schema.get_all_operations():
            operation = result.ok()
            if only not in operation.path:
                continue
            tokens = tokens or {role.value: peer.token(role) for role in Role}
            _ask(operation, http, {"nobody": "", **tokens}, asked, examples)
            if operation.path.startswith(("/api/v1/users", "/api/v1/tokens")):
                tokens = {}  # they may be ended, or their accounts changed
    return asked


def _ask(
    operation: Any, http: httpx2.Client, tokens: dict[str, str], asked: Asked, examples: int
) -> None:
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case: Case = data.draw(right if data.draw(st.integers(0, 3)) else wrong)
        for name in case.path_parameters or {}:
            if name in KNOWN and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(KNOWN[name]))
        for who, token in tokens.items():
            headers = {"authorization": f"Bearer {token}"} if token else {}
            answer = _answer(case, http, headers)
            if answer is not None:
                asked.answers[who, answer.status_code] += 1
                asked.wrong += _judged(case, answer, who)

    ask()


def _answer(case: Case, http: httpx2.Client, headers: dict[str, str]) -> httpx2.Response | None:
    """Ask; None for what cannot be said over HTTP at all."""
    given = {name: str(value) for name, value in (case.headers or {}).items()}
    sent = dict(case.as_transport_kwargs(headers=given | headers))
    for name in ("cookies", "files", "data", "json", "content"):
        if not sent.get(name):
            sent.pop(name, None)
    with suppress(httpx2.InvalidURL, httpx2.LocalProtocolError, UnicodeEncodeError):
        return http.request(**sent)
    return None


def _judged(case: Case, answer: httpx2.Response, who: str) -> list[str]:
    """Say what is wrong with an answer."""
    if (case.operation.path, answer.status_code) in UNHEALTHY:
        return []
    found: Sequence[Exception] = ()
    try:
        case.validate_response(answer, checks=list(JUDGED))
    except FailureGroup as group:
        found = group.exceptions
    except Failure as one:
        found = [one]
    path = answer.request.url.raw_path.decode()[:200]
    asked = f"{who} {case.method} {path} {str(case.body)[:200]}"
    return [
        f"{asked}\n    {answer.status_code} {str(one)[:400]}\n    {answer.text[:200]}"
        for one in found
    ]


def main() -> None:
    examples = int(sys.argv[1]) if sys.argv[1:] else 100
    only = sys.argv[2] if sys.argv[2:] else ""
    with tempfile.TemporaryDirectory() as home, peer(Path(home)) as found:
        asked = check(found, examples, only)
    for one in asked.wrong:
        print(one)
    for (who, status), count in sorted(asked.answers.items()):
        print(f"{count:8,}  {status} to {who}")
    print(f"{asked.answers.total():,} answers, {len(asked.wrong)} of them wrong")
    sys.exit(1 if asked.wrong else 0)


if __name__ == "__main__":
    main()
