"""Import: match, parse, convert, stage, plan, guard, apply, report.  `run` is the sentence."""
