"""Input fields: what a model is given, one field per file."""
