"""Files of measured series with a class each: one format per file; `series.read` chooses by the name's ending."""
