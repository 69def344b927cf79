"""
Templates: Jinja2 in its sandbox, which sees what it is given and reaches nothing else.  Pure.
"""

import json
from functools import cache
from typing import Any

from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.problem import Code
from impexd.model.telling import Telling
from impexd.orders.exporters.matter import context, plain

HINT = "correct `template`, then release it"


def filled(template: str, telling: Telling, *, xml: bool = False) -> str:
    """Pure: fill a template; `DataError` if it cannot be."""
    from jinja2 import TemplateError

    try:
        return str(_environment(xml=xml).from_string(template).render(context(telling)))
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        what = f"the template cannot be filled: {type(error).__name__}: {shown(str(error))}"
        raise DataError(Code.BAD_TEMPLATE, what, hint=HINT) from error


def fault(template: str) -> str:
    """Pure: say what is wrong with how a template is written; "" if nothing is."""
    from jinja2 import TemplateSyntaxError

    try:
        _environment(xml=False).parse(template)
    except TemplateSyntaxError as error:
        return f"line {error.lineno} of the template: {shown(str(error.message or error))}"
    return ""


@cache
def _environment(*, xml: bool) -> Any:
    """What templates are read and filled in; it costs milliseconds to make."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        autoescape=xml, keep_trailing_newline=True, undefined=StrictUndefined
    )
    made.filters["tojson"] = _tojson
    return made


def _tojson(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False)
