"""Names of files, and URLs, made of what a task is about.  Pure."""

import re
from collections.abc import Callable
from urllib.parse import quote

from impexd.core.clock import stamp
from impexd.model.faults import quoted
from impexd.model.telling import Telling

MARK = re.compile(r"\{([^{}]*)\}")
WORDS = ("flag", "order", "delivery", "key", "task", "generation", "exporter", "date", "time")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST = 200


def fault(pattern: str, *, once: bool = False) -> str:
    """Pure: say what is wrong with a pattern; "" if nothing is.  `once`: its names must not repeat."""
    words = MARK.findall(pattern)
    for word in words:
        if word not in WORDS:
            known = ", ".join("{" + one + "}" for one in WORDS)
            return f"there is no {quoted('{' + word + '}')}; there are {known}"
    if "{" in MARK.sub("", pattern) or "}" in MARK.sub("", pattern):
        return "a brace stands alone here"
    if once and not {"task", "key"} & set(words):
        return "two tasks would have one name: {task} or {key} must be part of it"
    return ""


def file(pattern: str, telling: Telling) -> str:
    """Pure: the name of a file; whatever is in an order's number, it is one plain name."""
    return _filled(pattern, telling, lambda text: _UNFIT.sub("_", text))[:LONGEST].lstrip(".")


def url(pattern: str, telling: Telling) -> str:
    """Pure: a URL, what is filled in quoted."""
    return _filled(pattern, telling, lambda text: quote(text, safe=""))


def _filled(pattern: str, telling: Telling, clean: Callable[[str], str]) -> str:
    now = stamp(telling.now)
    values = {
        "flag": telling.flag,
        "order": str(telling.order.get("number", "")),
        "delivery": str((telling.delivery or {}).get("number", "")),
        "key": telling.key,
        "task": str(telling.task),
        "generation": str(telling.generation),
        "exporter": telling.exporter,
        "date": now[:10].replace("-", ""),
        "time": now[11:19].replace(":", ""),
    }
    return MARK.sub(lambda found: clean(values[found[1]]), pattern)
