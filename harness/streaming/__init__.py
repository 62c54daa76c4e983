"""Streaming: answers of a trained run to an input that is still to come, in the same memory and time at every step.

stream.py    what is asked token by token: which runs can, and how
source.py    the tokens, or the samples, of a file or of standard input, as they come
"""
