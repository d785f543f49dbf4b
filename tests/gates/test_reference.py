"""The sequential statistics against reference values computed elsewhere."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sixgates.gates.statistics.counts import (
    control_and_canary_bets,
    log_e_counts,
)
from sixgates.gates.statistics.guards import ratio_mismatch_log_e
from sixgates.gates.statistics.periods import log_t_factor

_FILE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "sequential.json"


@pytest.fixture(scope="module")
def reference():
    if not _FILE.exists():
        pytest.skip(f"no reference values beside the checkout: {_FILE}")
    return json.loads(_FILE.read_text())


def _case(reference, words):
    return next(case for case in reference["cases"] if words in case["fn"])


def test_the_bets_and_the_batch_e_value_agree_to_every_printed_digit(reference):
    case = _case(reference, "RIPr")
    for args, out in zip(case["args"]["cases"], case["out"], strict=True):
        canary_bad, canary_n, control_bad, control_n, margin, null = args
        bets = control_and_canary_bets(0.1, margin, null, canary_n / (canary_n + control_n))
        log_e = log_e_counts(
            canary_bad, canary_n, control_bad, control_n,
            control_mean=0.1, margin=margin, null=null,
        )  # fmt: skip
        assert [bets.q_canary, bets.q_control, log_e] == pytest.approx(out, abs=6e-11)


def test_the_t_factor_agrees_with_numerical_integration_to_eight_digits(reference):
    case = _case(reference, "t e-process")
    t, k, g = np.array(case["args"]["t_k_g"]).T
    found = [float(log_t_factor(*row)) for row in zip(t, k, g, strict=True)]
    assert found == pytest.approx(case["out"], abs=6e-9)


def test_the_split_guard_gives_the_odds_of_the_multinomial_test(reference):
    for case in reference["savvi_0.3.1"]:
        control = canary = 0
        for (a, b), odds in zip(case["increments"], case["odds_after_each"], strict=True):
            control, canary = control + a, canary + b
            log_e = ratio_mismatch_log_e(
                canary, canary + control, case["theta0"][1], concentration=case["k"]
            )
            assert math.exp(log_e) == pytest.approx(odds, rel=1e-9)
