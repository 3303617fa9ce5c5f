"""Comparing runs: pairing, statistics and evidence."""
