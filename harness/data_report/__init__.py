"""The data report: a look at the data of a task before a model is trained on it, as `run.py data` gives it.

It is read and divided as training does it, and measured by the same fields (pipeline/survey.py, pipeline/findings.py).
No Keras is needed.
"""
