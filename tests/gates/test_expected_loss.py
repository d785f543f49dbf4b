import msgspec
import numpy as np
import pytest

from sixgates.gates.card import Task
from sixgates.gates.drift.expected_loss import LossEstimator, calibrated, expected_loss
from sixgates.gates.losses import row_losses
from sixgates.gates.project import LossName
from tests.fakes import tiny_project

BINARY = [
    tiny_project(loss=LossName.BRIER),
    tiny_project(loss=LossName.LOG_LOSS, clip=4.0),
]


def binary(rng, rows, *, difficulty=1.0, overconfident=1.0):
    """Outcomes, and what a model says that is right but for a factor on the log odds."""
    odds = rng.normal(0, 2 / difficulty, rows)
    labels = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)
    return labels, 1 / (1 + np.exp(-overconfident * odds))


@pytest.mark.parametrize("project", BINARY, ids=lambda p: p.loss)
@pytest.mark.parametrize("overconfident", [1.0, 2.5])
def test_harder_rows_are_expected_to_cost_what_they_do(project, overconfident):
    rng = np.random.default_rng(1)
    estimator = calibrated(project, *binary(rng, 20_000, overconfident=overconfident), classes=())
    for difficulty in (1.0, 1.5):
        labels, said = binary(rng, 20_000, difficulty=difficulty, overconfident=overconfident)
        found = expected_loss(estimator, project, said, ())
        assert found.mean == pytest.approx(row_losses(project, labels, said).mean(), rel=0.05)
        assert found.why == ""


@pytest.mark.parametrize("loss", [LossName.BRIER, LossName.LOG_LOSS])
def test_several_classes_are_expected_to_cost_what_they_do(loss):
    project = tiny_project(Task.MULTICLASS, loss=loss, clip=None if loss == "brier" else 4.0)
    classes = ("a", "b", "c")
    rng = np.random.default_rng(2)

    def drawn(rows, sharpness):
        said = np.exp(rng.normal(0, sharpness, (rows, 3)))
        said /= said.sum(axis=1, keepdims=True)
        chosen = (rng.random(rows)[:, None] > said.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        return np.array(classes)[chosen], said

    estimator = calibrated(project, *drawn(20_000, 1.5), classes)
    labels, said = drawn(20_000, 1.0)
    found = expected_loss(estimator, project, said, classes)
    assert found.mean == pytest.approx(row_losses(project, labels, said, classes).mean(), rel=0.05)


@pytest.mark.parametrize("project", BINARY, ids=lambda p: p.loss)
@pytest.mark.parametrize("answers", [[0.3], [0.1, 0.6], [0.0, 0.2, 0.4, 0.9, 1.0]], ids=str)
def test_a_model_of_few_answers_is_expected_to_lose_what_it_does(project, answers):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        said = rng.choice(answers, 2_000)
        labels = (rng.random(2_000) < said).astype(float)
        found = expected_loss(calibrated(project, labels, said, ()), project, said, ())
        assert found.mean == pytest.approx(row_losses(project, labels, said).mean(), rel=1e-3)


def test_it_says_when_it_cannot_know():
    rng = np.random.default_rng(3)
    project = BINARY[0]
    few = calibrated(project, *binary(rng, 100), classes=())
    assert "has 100 rows" in expected_loss(few, project, np.full(9, 0.5), ()).why
    good = calibrated(project, *binary(rng, 1_000, difficulty=4.0), classes=())
    for answers, why in (
        (np.array([]), "no answers"),
        (np.array([0.5, np.nan]), "no answers"),
        (np.full(50, 0.999), "100% of the probabilities lie beyond"),
    ):
        found = expected_loss(good, project, answers, ())
        assert found.mean is None
        assert why in found.why


def test_a_calibration_is_small_and_survives_json():
    estimator = calibrated(BINARY[0], *binary(np.random.default_rng(4), 1_000), classes=())
    stored = msgspec.json.encode(estimator)
    assert msgspec.json.decode(stored, type=LossEstimator) == estimator
    assert len(estimator.calibrators[0].said) <= 200


def test_probabilities_that_are_next_to_nothing_apart_have_finite_chances():
    said = np.repeat([0.0, 1e-310, 1.0], 400)
    estimator = calibrated(tiny_project(), np.repeat([0.0, 1.0, 1.0], 400), said, ())
    found = expected_loss(estimator, tiny_project(), np.full(10, 5e-311), ())
    assert found.mean is not None
    assert 0.0 <= found.mean <= 1.0
