"""Losses judged unit by unit where the arms are not alike: in labels, and in spread."""

import math

import numpy as np
import pytest
from scipy.special import bdtrc

from sixgates.gates.statistics.units import LossBatch, dual_values, log_es_by_batch

TWENTY = math.log(20)
MARGIN = 0.02


def _labelled(rng, *, excess, kept):
    """Sixty days of losses of 0 or 1/2; of the canary's labels only some ever arrive."""
    yield LossBatch(np.zeros(1_000, dtype=bool), (rng.random(1_000) < 0.3) / 2)
    for _ in range(60):
        assigned = rng.random(400) < 0.5
        losses = (rng.random(400) < np.where(assigned, 0.3 + 2 * excess, 0.3)) / 2
        told = ~assigned | (rng.random(400) < kept)
        yield LossBatch(assigned[told], losses[told])


@pytest.mark.parametrize("kept", [1.0, 0.3])
@pytest.mark.parametrize(("excess", "side"), [(MARGIN, 0), (0.0, 1)])
def test_labels_that_arrive_for_fewer_units_of_one_arm_sway_nothing(kept, excess, side):
    rng, runs = np.random.default_rng(41), 150
    wrong = 0
    for _ in range(runs):
        logs = log_es_by_batch(list(_labelled(rng, excess=excess, kept=kept)), MARGIN)[side]
        wrong += logs.cumsum().max() >= TWENTY
    assert bdtrc(wrong - 1, runs, 0.05) >= 0.001


@pytest.mark.parametrize("times", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("excess", [0.0, 0.5, 1.0, 1.5])
def test_a_challenger_whose_losses_vary_more_is_decided(times, excess):
    """The champion loses .1 and varies by .05, as a regression with a wide clip does."""
    rng = np.random.default_rng(42)
    batches = [LossBatch(np.zeros(3_000, dtype=bool), rng.gamma(4, 0.025, 3_000))]
    mean = 0.1 + excess * MARGIN
    shape = (mean / (0.05 * times)) ** 2
    for _ in range(30):
        assigned = rng.random(3_000) < 0.5
        losses = np.where(
            assigned, rng.gamma(shape, mean / shape, 3_000), rng.gamma(4, 0.025, 3_000)
        )
        batches.append(LossBatch(assigned, losses.clip(0, 1)))
    found = dual_values(batches, MARGIN)
    assert max(found.log_promote, found.log_rollback) > TWENTY
    if excess >= 1:
        assert found.log_promote < TWENTY < found.log_rollback
