"""
Text that a spreadsheet would take for a formula, and back (OWASP ASVS 5.0, 1.2.10).

`guarded` puts an apostrophe before such text, and before text that looks as if it had one already,
so that `bare` gives back every text as it was.
"""

import re

STARTS = frozenset("=+-@\t\r\n\0＝＋－＠'")
"""What guarded text can begin with; all other text is left alone."""

_FORMULA = re.compile("'*[=+\\-@\t\r\n\0＝＋－＠]").match
_GUARDED = re.compile("''*[=+\\-@\t\r\n\0＝＋－＠]").match


def guarded(text: str) -> str:
    """Pure: text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA(text) else text


def bare(text: str) -> str:
    """Pure: the text that `guarded` was given."""
    return text[1:] if text[:1] == "'" and _GUARDED(text) else text
