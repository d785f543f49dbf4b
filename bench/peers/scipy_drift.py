"""A loop over SciPy's tests, as many write it by hand: `scipy_drift.py REFERENCE CURRENT`."""

import sys

import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

from bench.clock import spend


def compare() -> object:
    """Read both windows, and compare them."""
    reference, current = (
        pd.read_parquet(path).drop(columns=["at", "label"]) for path in sys.argv[1:]
    )
    found = {}
    for name in reference.columns:
        first, second = reference[name].dropna(), current[name].dropna()
        if pd.api.types.is_numeric_dtype(first):
            found[name] = float(ks_2samp(first, second).statistic)
        else:
            counts = pd.concat([first.value_counts(), second.value_counts()], axis=1).fillna(0)
            found[name] = float(chi2_contingency(counts.T).statistic)
    return found


spend(compare)
