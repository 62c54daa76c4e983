"""Analysis: why the score of a run is what it is.

answered.py collects what a run answers to a split, how sure it is, and the loss of each example. What can be said of
that follows from what the run answers, and kinds.py chooses: labels, tags, spans, numbers or texts, one file per kind.
Each kind yields sections (section.py): a title, one plain sentence, a table, and some a picture. The terminal, the page
and the JSON show the same sections. differences.py makes those of two runs.
"""
