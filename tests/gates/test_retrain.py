from dataclasses import replace

import pytest

from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.retrain import TrainingEvidence, judge_training
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
