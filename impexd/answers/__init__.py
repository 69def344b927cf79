"""Answers: why something has not happened, and whether the journal, the folders and the tables agree."""
