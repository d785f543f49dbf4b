"""A release in shadow or in a split in which nothing goes wrong, to change one thing of."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from sixgates.gates.canary import Phase, Stage
from sixgates.gates.evidence import Evidence
from sixgates.gates.split import Counted, Losses
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch

EMPTY = np.empty(0)


def counted(*batches):
    """Rows that are units of their own."""
    return Counted(batches, batches)


def split_losses(*batches):
    return Losses(batches, batches)


SILENCE = Evidence(
    pair_means=EMPTY, pairs=0, split_means=EMPTY, losses=split_losses(), errors=counted(),
    slow=counted(), predictions=None, early=None, shadow_errors=(), shares=(), stage_requests=0,
    requests_per_period=0.0, units_per_period=0.0,
)  # fmt: skip
BETTER = np.array([-0.004, -0.002, -0.003, -0.005, -0.001, -0.003, -0.002, -0.004])
WORSE = BETTER + 0.04
NOISE = np.array([-0.002, 0.001, 0.002, -0.001, 0.0, 0.002, -0.002, 0.001, 0.0, -0.001])
"""Periods of the split that show no difference."""
CLEAN = counted(ArmCounts(0, 400, 0, 3_600))
SOUND = ((40, 400, 0.1),)


def evidence(**changes):
    """A split at 10 % in which nothing goes wrong and the challenger is a little better."""
    good = replace(
        SILENCE, pair_means=BETTER, pairs=800, errors=CLEAN, slow=CLEAN, predictions=CLEAN,
        early=(), shares=SOUND, stage_requests=400, requests_per_period=500.0,
        units_per_period=500.0,
    )  # fmt: skip
    return replace(good, **changes)


def in_shadow(**changes):
    record = counted(ArmCounts(0, 0, 0, 400))
    nothing_served = {
        "errors": record, "slow": record, "predictions": record, "early": None, "shares": (),
        "stage_requests": 0, "units_per_period": 0.0,
    }  # fmt: skip
    shadow = (ArmCounts(0, 400, 0, 400),)
    return evidence(**{**nothing_served, "shadow_errors": shadow, **changes})


def stage(phase=Phase.SPLIT, **changes):
    share = 0.0 if phase is Phase.SHADOW else 0.1
    usual = Stage(phase, share, is_last=True, open_for=timedelta(days=10), unlogged=0)
    return replace(usual, **changes)


def check(decision, name):
    return next(c for c in decision.verdict.checks if c.name == name)


def cohort(control, canary, n=500, share=0.5):
    """A matured period of the split in which every unit of an arm has the same loss."""
    assigned = np.arange(n) < n * share
    return LossBatch(assigned, np.where(assigned, canary, control))


SHADOW = stage(Phase.SHADOW)
EARLIER = stage(is_last=False)
LATE = timedelta(days=61)
BROKEN = counted(ArmCounts(60, 400, 0, 3_600))
