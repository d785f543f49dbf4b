from datetime import timedelta

import pandera.polars as pa
import polars as pl
import pytest
from pydantic import ValidationError

from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles
from tests.fakes import tiny_project

ROLES = {"event_time": "at", "label": "y", "numeric": ("x",), "label_horizon": timedelta(days=2)}
ONE_MARGIN_TOO_WIDE = Policies.with_margin(0.01, comparison={"margin": 1.0})


def contract(*more):
    return pa.DataFrameSchema({name: pa.Column(nullable=True) for name in ("at", "x", "y", *more)})


def refused(words, **changes):
    with pytest.raises(ValidationError, match=words):
        tiny_project(**changes)


def test_the_unknown_counts_as_yes():
    assert Project.model_fields["effect_varies"].default == "unknown"
    assert [tiny_project(effect_varies=v).units_count for v in ("no", "yes", "unknown")] == [
        True, False, False,
    ]  # fmt: skip
    assert Project.model_fields["prediction_changes_outcome"].default == "unknown"
    assert [tiny_project(pairs=p).pairs_count for p in ("no", "yes", "unknown")] == [
        True, False, False,
    ]  # fmt: skip


def test_losses_are_bounded_by_the_clip_or_by_nature():
    assert tiny_project().loss_clip == 1.0
    assert tiny_project(Task.REGRESSION).loss_clip == 10.0


def test_features_are_numeric_then_categorical_in_the_order_given():
    roles = Roles(event_time="at", label="y", numeric=("b", "a"), categorical=("d", "c"))
    assert roles.features == ("b", "a", "d", "c")


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        (r"does not have: \['z'\]", {"numeric": ("x", "z")}),
        (r"does not have: \['who'\]", {"entity": "who"}),
        (r"does not have: \['place'\]", {"segments": ("place",)}),
        ("no features", {"numeric": (), "ignored": ("x",)}),
        (r"named twice: \['x'\]", {"categorical": ("x",)}),
        (r"also label or ignored: \['y'\]", {"numeric": ("x", "y")}),
        (r"also label or ignored: \['x'\]", {"ignored": ("x",)}),
        (r"also label or ignored: \['at'\]", {"numeric": ("x", "at")}),
        ("exactly one of label_time and label_horizon", {"label_horizon": None}),
        ("exactly one of label_time and label_horizon", {"label_time": "at"}),
    ],
)
def test_roles_that_contradict_are_refused_by_name(words, roles):
    refused(words, roles=Roles(**{**ROLES, **roles}), contract=contract())


@pytest.mark.parametrize(
    ("words", "horizon"),
    [
        ("label_horizon.*7 has no unit", 7),
        ("greater than or equal to 0", timedelta(days=-7)),
        ("less than or equal to 36500", timedelta.max),
    ],
)
def test_a_horizon_by_which_no_label_could_be_told_is_refused(words, horizon):
    with pytest.raises(ValidationError, match=f"(?s){words}"):
        Roles(**{**ROLES, "label_horizon": horizon})


def test_every_column_has_a_role_or_is_ignored():
    refused(r"columns without a role: \['extra'\]", contract=contract("extra"))
    roles = Roles(**ROLES, ignored=("extra",))
    assert tiny_project(contract=contract("extra"), roles=roles).roles.ignored == ("extra",)


def test_the_entity_may_be_a_feature_too():
    roles = Roles(**{**ROLES, "entity": "x"})
    assert tiny_project(roles=roles).roles.features == ("x",)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("does not fit task binary", {"loss": LossName.ABSOLUTE_ERROR, "clip": 1.0}),
        ("does not fit task regression", {"task": Task.REGRESSION, "loss": LossName.BRIER,
                                          "clip": None}),
        ("log_loss is unbounded: set clip", {"loss": LossName.LOG_LOSS}),
        ("squared_error is unbounded", {"task": Task.REGRESSION, "loss": LossName.SQUARED_ERROR,
                                        "clip": None}),
        ("bounded by 1: drop clip", {"clip": 1.0}),
        ("margin 1.0 is not below the largest loss, 1", {"canary": {"margin": 1.0}}),
        ("margin 1.0 is not below the largest loss, 1", {"policies": ONE_MARGIN_TOO_WIDE}),
        ("greater than 0", {"loss": LossName.LOG_LOSS, "clip": 0.0}),
        ("greater than 0", {"loss": LossName.LOG_LOSS, "clip": float("nan")}),
        ("let clip be the most", {"loss": LossName.LOG_LOSS, "clip": float("inf")}),
        ("pattern", {"name": "Tiny"}),
        ("pattern", {"name": "../tiny"}),
        ("greater than 0", {"period": timedelta(0)}),
        ("1 has no unit", {"period": 1}),
        ("Extra inputs", {"colour": "blue"}),
    ],
)  # fmt: skip
def test_a_project_that_contradicts_itself_is_refused(words, changes):
    refused(words, **changes)


def test_all_contradictions_are_said_at_once():
    roles = Roles(event_time="at", label="y", numeric=("z",))
    with pytest.raises(ValidationError) as caught:
        tiny_project(roles=roles, clip=1.0, contract=contract())
    said = str(caught.value)
    for words in ("['z']", "without a role: ['x']", "exactly one of", "drop clip"):
        assert words in said


def test_the_source_may_be_a_callable():
    assert tiny_project(source=pl.LazyFrame).source is not None
