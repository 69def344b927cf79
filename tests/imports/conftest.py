"""The real catalogue lies outside of the project: what needs it is collected only where it is."""

import warnings

from tests.shared import SHARED

collect_ignore = []
if not (SHARED / "data" / "icecat" / "catalogue.zip").exists():
    collect_ignore.append("test_describe_catalogue.py")
    warnings.warn(f"not collected: test_describe_catalogue.py, because there is no {SHARED}", stacklevel=1)
