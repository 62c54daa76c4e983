"""Fuzzing: data, values and options by chance, and what the readers, the fields and the parsers make of them.

mutations.py changes the bytes of files; starts.py has the whole files to begin with, in every format that is read;
sandbox.py bounds a case in time and memory, and sees what it opens; readers.py, fields.py and options.py ask.

Each case ends in an answer of which its invariants are true, or in one BadInput of one line. tests/test_fuzzing.py runs
a few hundred, the same ones each time; benchmarks/fuzz.py any number.
"""
