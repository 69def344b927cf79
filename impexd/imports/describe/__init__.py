"""
A configuration from a sample: descriptors by example.

`run` is the sentence.  `look` finds the format of a file, `sheet` samples it, `propose` says what
it is, `correct` holds that to the whole file, `toml` writes it down with its evidence.
"""
