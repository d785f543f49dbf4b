import msgspec
import numpy as np
import pytest

from sixgates.adapters.loss_booster import foretold_loss, learned_losses
from sixgates.gates.drift.expected_loss import LossEstimator


def holdout(rng, n=4_000, *, hard=0.3, later=1.0):
    """Rows whose second feature says how hard they are; the newer half may be harder at once."""
    rows = np.column_stack([rng.normal(size=n), rng.random(n) < hard]).astype(float)
    answers = rows[:, :1] * 2
    losses = np.abs(rng.normal(0, np.where(rows[:, 1] > 0, 3.0, 1.0)))
    losses[n // 2 :] *= later
    return rows, answers, losses


def test_harder_rows_are_expected_to_cost_what_they_do():
    rng = np.random.default_rng(1)
    estimator = learned_losses(*holdout(rng))
    for hard in (0.1, 0.3, 0.8):
        rows, answers, losses = holdout(rng, 2_000, hard=hard)
        found = foretold_loss(estimator, rows, answers)
        assert found.mean == pytest.approx(losses.mean(), rel=0.1)
        assert not found.why


def test_it_says_when_it_cannot_know():
    rng = np.random.default_rng(2)
    rows, answers, _ = holdout(rng, 100)
    few = learned_losses(*holdout(rng, 100))
    assert "has 100 rows" in foretold_loss(few, rows, answers).why
    unsteady = learned_losses(*holdout(rng, later=2.0))
    assert "off the mean loss" in foretold_loss(unsteady, rows, answers).why
    perfect = learned_losses(*holdout(rng)[:2], np.zeros(4_000))
    assert "lost nothing" in foretold_loss(perfect, rows, answers).why
    good = learned_losses(*holdout(rng))
    for said in (answers[:0], np.full_like(answers, np.nan)):
        found = foretold_loss(good, rows[: len(said)], said)
        assert found.mean is None
        assert "no answers" in found.why


def test_it_survives_json_and_answers_the_same():
    rng = np.random.default_rng(3)
    estimator = learned_losses(*holdout(rng))
    rows, answers, _ = holdout(rng, 500)
    kept = msgspec.json.decode(msgspec.json.encode(estimator), type=LossEstimator)
    assert foretold_loss(kept, rows, answers) == foretold_loss(estimator, rows, answers)
