"""Alibi Detect's tabular drift: `alibi-detect_drift.py REFERENCE CURRENT`."""

import sys

import pandas as pd
from alibi_detect.cd import TabularDrift

from bench.clock import spend


def compare() -> object:
    """Read both windows, and compare them."""
    reference, current = (
        pd.read_parquet(path).drop(columns=["at", "label"]) for path in sys.argv[1:]
    )
    categories = {}
    # It takes one matrix without gaps: levels as numbers, a null as one more, or as the median.
    for place, name in enumerate(reference.columns):
        if reference[name].dtype == object:
            levels = pd.Index(reference[name].dropna().unique())
            for frame in (reference, current):
                frame[name] = levels.get_indexer(frame[name]) + 1
            categories[place] = list(range(len(levels) + 1))
        else:
            for frame in (reference, current):
                frame[name] = frame[name].fillna(reference[name].median())
    detector = TabularDrift(
        reference.to_numpy("float32"), p_val=0.05, categories_per_feature=categories
    )
    return len(detector.predict(current.to_numpy("float32"))["data"]["distance"])


spend(compare)
