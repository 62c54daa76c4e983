"""Tuning: trials of a task with other options, each scored on the validation split, and the best of them."""
