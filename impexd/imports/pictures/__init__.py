"""
Pictures: read as files of one row, stored under their hash, and cleared when nothing points at them.

`read` reads one, `keep` stores it before the run that refers to it is applied, `sweep` removes
what no record, no before-image and no waiting row has pointed at for some days.
"""
