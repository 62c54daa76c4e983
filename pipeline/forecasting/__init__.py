"""Forecasting: series on a regular grid of time, windows of them, their scores, and baselines."""
