"""
Templates: files with a header and one example row, made from the descriptors of a group.

`run` is the sentence: which files, what stands in their cells, and how each format is written.
"""
