"""Columns: the names by which those of a table of series are known."""

from pipeline.readers.tabular.columns import Columns

# Those that say to which series a row belongs, and which class it is.
SERIES = Columns(
    ("series", "series_id", "case", "case_id", "recording", "sample", "sample_id", "id"),
    ("label", "class", "target", "category"),
)
TIMES = ("time", "timestamp", "time_stamp", "datetime", "date", "t", "step", "seconds", "reading_id")
