"""Evidently's report of data drift: `evidently_drift.py REFERENCE CURRENT`."""

import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

from bench.clock import spend


def compare() -> object:
    """Read both windows, and compare them."""
    reference, current = (
        pd.read_parquet(path).drop(columns=["at", "label"]) for path in sys.argv[1:]
    )
    found = Report([DataDriftPreset()]).run(current, reference).dict()
    return len(found["metrics"])


spend(compare)
