"""Suggesting the next word: of a text, and while one types."""
