"""Output fields: what a model answers, one field per file."""
