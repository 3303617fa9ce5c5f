"""Showing traces and comparisons to people."""
