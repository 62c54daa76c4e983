"""Edits of a text: as marked text, as operations on words, as one tag per word; and what a misspelled word may be."""
