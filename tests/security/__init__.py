"""Attacks by what strangers made: data, run directories, models, requests. SECURITY.md says what is promised."""
