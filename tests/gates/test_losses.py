import numpy as np
import pandera.polars as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sixgates.gates.errors import ContractError
from sixgates.gates.losses import base_rate_prediction, constant_losses, row_losses
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles

CLASSES = ("a", "b", "c")
KINDS = [
    ("binary", "brier", None),
    ("binary", "log_loss", 4.0),
    ("multiclass", "brier", None),
    ("multiclass", "log_loss", 4.0),
    ("regression", "absolute_error", 10.0),
    ("regression", "squared_error", 10.0),
]


def project(task, loss, clip=None):
    return Project(
        name="toy",
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column() for c in ("t", "x", "y")}),
        roles=Roles(event_time="t", label="y", numeric=("x",), label_horizon="P1D"),
        loss=loss,
        clip=clip,
        policies=Policies.with_margin(0.01),
    )


@pytest.mark.parametrize(
    ("kind", "label", "answer", "loss"),
    [
        (KINDS[0], 1.0, 0.8, 0.04),
        (KINDS[0], 0.0, 0.8, 0.64),
        (KINDS[1], 1.0, 0.5, np.log(2)),
        (KINDS[1], 0.0, 1.0, 4.0),
        (KINDS[4], 3.0, 1.0, 2.0),
        (KINDS[5], 3.0, 1.0, 4.0),
        (KINDS[5], 9.0, 1.0, 10.0),
    ],
)
def test_single_losses_are_in_raw_units_and_clipped(kind, label, answer, loss):
    for shape in ((1,), (1, 1)):
        found = row_losses(project(*kind), np.array([label]), np.full(shape, answer))
        assert found.tolist() == pytest.approx([loss])


@pytest.mark.parametrize(
    ("kind", "label", "loss"),
    [
        (KINDS[2], "a", (0.5**2 + 0.3**2 + 0.2**2) / 2),
        (KINDS[2], "never learned", 1.0),
        (KINDS[3], "b", -np.log(0.3)),
        (KINDS[3], "never learned", 4.0),
    ],
)
@pytest.mark.parametrize("dtype", [str, object])
def test_multiclass_losses(kind, label, loss, dtype):
    labels = np.array([label], dtype=dtype)
    found = row_losses(project(*kind), labels, np.array([[0.5, 0.3, 0.2]]), CLASSES)
    assert found.tolist() == pytest.approx([loss])


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_and_no_label_are_nan_not_a_loss(kind):
    multi = kind[0] == "multiclass"
    labels = np.array(["a", None, "new"], dtype=object) if multi else np.array([1.0, np.nan, 0.0])
    answers = np.full((3, 3 if multi else 1), 0.3)
    answers[2] = np.nan
    found = row_losses(project(*kind), labels, answers, CLASSES if multi else ())
    assert np.isnan(found).tolist() == [False, True, True]


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("answer", [-0.1, 1.1, np.inf])
def test_what_is_no_probability_has_no_loss(kind, answer):
    assert np.isnan(row_losses(project(*kind), np.array([1.0]), np.array([answer]))).all()


@given(arrays(float, 20, elements=st.floats(0, 1)), st.sampled_from(KINDS[:2]))
def test_losses_stay_within_the_clip(answers, kind):
    chosen = project(*kind)
    for label in (0.0, 1.0):
        losses = row_losses(chosen, np.full(20, label), answers)
        assert ((losses >= 0) & (losses <= chosen.loss_clip)).all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k[0] != "multiclass"])
def test_the_base_rate_loses_least_of_all_constants(kind):
    chosen = project(*kind)
    labels = np.array([0.0, 0, 0, 1, 1] if kind[0] == "binary" else [1.0, 2, 2, 3, 4])
    base = base_rate_prediction(chosen, labels, ())
    assert base.shape == (1, 1)
    least = constant_losses(chosen, base, labels, ()).mean()
    others = [constant_losses(chosen, base + d, labels, ()).mean() for d in (-0.1, 0.1)]
    assert least <= min(others)


def test_the_base_rate_of_classes_is_their_frequency():
    chosen = project("multiclass", "brier")
    labels = np.array(["a", "a", "b", "new"])
    base = base_rate_prediction(chosen, labels, CLASSES)
    assert base.tolist() == [[0.5, 0.25, 0.0]]
    assert constant_losses(chosen, base, labels, CLASSES)[3] == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_without_labels_the_base_rate_is_nan(kind):
    assert np.isnan(base_rate_prediction(project(*kind), np.array([]), CLASSES)).all()


def test_shapes_that_do_not_belong_together_are_a_broken_promise():
    with pytest.raises(ContractError, match="3 labels"):
        row_losses(project("binary", "brier"), np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(ContractError, match="3 classes"):
        row_losses(project("multiclass", "brier"), np.array(["a"]), np.zeros((1, 2)), CLASSES)
