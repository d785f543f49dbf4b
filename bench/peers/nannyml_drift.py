"""NannyML's univariate drift: `nannyml_drift.py REFERENCE CURRENT`."""

import sys

import nannyml
import pandas as pd

from bench.clock import spend


def compare() -> object:
    """Read both windows, and compare them."""
    reference, current = (
        pd.read_parquet(path).drop(columns=["at", "label"]) for path in sys.argv[1:]
    )
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns))
    return len(calculator.fit(reference).calculate(current).to_df())


spend(compare)
