"""What a peer's answer says became of a task.  Pure."""

import json
from collections.abc import Iterator
from typing import Any

from impexd.core.http import Answer
from impexd.core.text import shown
from impexd.model.faults import Fault
from impexd.model.telling import Done, Doubtful, NotTaken, Outcome, Refused, Unknown
from impexd.orders.exporters.http_settings import Asking, Expected


def judged(expected: Expected, answer: Answer, *, wait: float | None) -> Outcome:
    """Pure: what an answer says became of the task."""
    status = answer.status
    if status in expected.not_taken:
        return NotTaken(f"answered {status}", after=wait, partner=status == 429)
    if answer.good:
        return _agreed(expected, answer)
    if status == 409:
        if expected.conflict == "done":
            return Done(None)
        return Doubtful(f"answered 409: the key is known for something else: {_said(answer)}")
    if 400 <= status < 500:
        return Refused(f"answered {status}: {_said(answer)}")
    if 300 <= status < 400:
        return Refused(f"answered {status}: redirects are not followed")
    return Unknown(f"answered {status}: {_said(answer)}")


def known(ask: Asking, answer: Answer) -> Outcome:
    """Pure: what an answer says about a key we asked for."""
    if answer.status == 404:
        return NotTaken("the partner does not know the key")
    if not answer.good:
        return Unknown(f"asked about the key, answered {answer.status}")
    tree = _json(answer.body) if ask.found or ask.ref else None
    if ask.found and not _search(ask.found, tree):
        return NotTaken("the partner does not have it")
    return Done(_ref(ask.ref, tree))


def _agreed(expected: Expected, answer: Answer) -> Outcome:
    """Pure: a 2xx counts only if it says what it should."""
    if expected.accept is None and expected.ref is None:
        return Done(None)
    tree = _json(answer.body)
    if tree is None:
        return Doubtful(f"answered {answer.status}, but no JSON: {_said(answer)}")
    if expected.accept is not None and not _search(expected.accept, tree):
        return Doubtful(f"answered {answer.status}, but not as agreed: {_said(answer)}")
    ref = _ref(expected.ref, tree)
    if expected.ref is not None and ref is None:
        return Doubtful(f"answered {answer.status} without its reference: {_said(answer)}")
    return Done(ref)


def expression(path: tuple[str, str], text: str | None) -> Iterator[Fault]:
    """Pure: say what is wrong with an expression in the settings."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    if text is None:
        return
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        told = str(error).partition("\n")[0]
        yield Fault(path, f"this is no JMESPath expression: {shown(told)}")


def _search(expression: str, tree: Any) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, tree)
    except JMESPathError:
        return None


def _ref(expression: str | None, tree: Any) -> str | None:
    found = None if expression is None else _search(expression, tree)
    if found is None or isinstance(found, (dict, list)):
        return None
    return shown(str(found))


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _said(answer: Answer) -> str:
    return shown(answer.body, limit=120) or "nothing"
