"""Measurements whose figures the documentation quotes. Not part of the wheel."""
