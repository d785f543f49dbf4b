import json
import math
from dataclasses import replace

import pytest

from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.retrain import SinceDrift, TrainingEvidence, judge_training
from sixgates.gates.verdict import Gate, Outcome

GOOD = TrainingEvidence(0.1, 0.2, 500, 10.0, 300.0, 40)
POLICY = TrainingPolicy(max_seconds=60, max_memory_mb=1000)


def test_a_model_that_beats_the_base_rate_within_its_limits_passes():
    verdict = judge_training(GOOD, POLICY)
    assert verdict.passed
    assert verdict.gate is Gate.RETRAIN


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"loss": 0.3}, "validation loss 0.3 > limit 0.2 (n = 500)"),
        ({"loss": 0.2}, "only equals that of the base rate"),
        ({"loss": float("nan")}, "validation loss is nan"),
        ({"base_loss": float("nan")}, "validation loss has no limit set"),
        ({"n": 0}, "validation rows 0 < limit 1"),
        ({"seconds": 61.0}, "training seconds 61 > limit 60"),
        ({"memory_mb": 1001.0}, "training memory in MB 1,001 > limit 1,000"),
        ({"memory_mb": float("nan")}, "training memory in MB is nan"),
        ({"stopped": "memory"}, "training was stopped by its limit on memory"),
        ({"stopped": "time"}, "(limits: 60 seconds, 1,000 MB)"),
    ],
)
def test_each_failing_is_refused_by_name(change, sentence):
    verdict = judge_training(replace(GOOD, **change), POLICY)
    assert verdict.outcome is Outcome.FAIL
    assert sentence in verdict.reason


SINCE = SinceDrift("2026-01-20 00:00:00", 1200, 0.1, 9000, 0.15, taken=True, left_out="")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "the model learnt from the 1,200 training rows since the drift began (2026-01-20 "),
        ({}, "alone: they lose 0.1, the newest 9,000 0.15 (n = 500)"),
        ({"other_loss": None}, "they lose 0.1, the newest 9,000 nothing to learn from (n = 500)"),
        ({"taken": False, "loss": 0.2}, "taken: they lose 0.2, the newest 9,000 0.15 (n = 500)"),
        ({"taken": False}, "0.15, less by no more than a standard error (n = 500)"),
        ({"taken": False, "loss": None}, "not taken: there is nothing to learn from them"),
        ({"taken": False, "loss": None, "left_out": "why"}, "were not tried: why"),
        ({"taken": False, "loss": None, "left_out": "why", "rows": 0},
         "no training row has come since the drift began (2026-01-20 00:00:00): why"),
    ],
)  # fmt: skip
def test_it_is_said_what_came_of_the_rows_since_a_drift_and_it_decides_nothing(change, sentence):
    drift = replace(SINCE, **change)
    verdict = judge_training(replace(GOOD, drift=drift), POLICY)
    *others, window = verdict.checks
    assert verdict.passed
    assert tuple(others) == judge_training(GOOD, POLICY).checks
    assert sentence in window.sentence
    assert (window.seen, window.required) == (drift.loss, drift.other_loss)
    assert window.muted
    assert (window.outcome is Outcome.PASS) is drift.taken
    assert not judge_training(replace(GOOD, drift=drift, loss=0.3), POLICY).passed


@pytest.mark.parametrize(
    "evidence",
    [GOOD, replace(GOOD, loss=math.nan, stopped="time"), replace(GOOD, drift=SINCE),
     replace(GOOD, drift=replace(SINCE, loss=None))],
)  # fmt: skip
def test_evidence_comes_back_from_the_ledger_as_it_was(evidence):
    stored = json.loads(json.dumps(evidence.to_dict(), allow_nan=False))
    back = TrainingEvidence.from_dict(stored)
    assert (repr(back), back.drift) == (repr(evidence), evidence.drift)


def test_evidence_from_before_drifts_were_dated_is_read():
    stored = GOOD.to_dict()
    del stored["drift"]
    assert TrainingEvidence.from_dict(stored) == GOOD


def test_every_figure_goes_to_the_registry():
    found = replace(GOOD, stopped="time", drift=replace(SINCE, loss=None)).figures()
    assert (found["loss"], found["n"], found["since_drift_rows"]) == (0.1, 500.0, 1200.0)
    assert math.isnan(found["since_drift_loss"])
    assert "since_drift_rows" not in GOOD.figures()
    assert all(isinstance(value, float) for value in found.values())
