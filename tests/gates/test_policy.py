import math
from datetime import timedelta
from typing import get_args

import pytest
from pydantic import ValidationError

from sixgates.gates.policy import (
    CanaryPolicy,
    ComparisonPolicy,
    EvaluationPolicy,
    GovernorPolicy,
    MonitorPolicy,
    Policies,
    TrainingPolicy,
    ValidationPolicy,
    WatchPolicy,
)


def test_one_margin_serves_both_gates():
    policies = Policies.with_margin(0.02)
    assert policies.comparison.margin == policies.canary.margin == 0.02


def test_what_is_given_goes_beside_the_margin_and_keeps_other_defaults():
    policies = Policies.with_margin(
        0.02,
        canary={"beta": 0.01},
        watch=WatchPolicy(min_rows=7),
        comparison=ComparisonPolicy(margin=0.5, cold_start="serve"),
    )
    assert (policies.canary.margin, policies.canary.beta, policies.canary.alpha) == (
        0.02, 0.01, 0.05,
    )  # fmt: skip
    assert (policies.watch.min_rows, policies.watch.psi_floor) == (7, 0.1)
    assert policies.comparison == ComparisonPolicy(margin=0.5, cold_start="serve")


def test_a_margin_is_never_assumed():
    for needing in (ComparisonPolicy, CanaryPolicy):
        with pytest.raises(ValidationError, match="margin"):
            needing()
    with pytest.raises(ValidationError):
        Policies()


def test_nothing_serves_before_a_person_says_so():
    assert ComparisonPolicy(margin=0.1).cold_start == "refuse"


@pytest.mark.parametrize(
    ("policy", "wrong"),
    [
        (ValidationPolicy, {"min_rows": 0}),
        (ValidationPolicy, {"max_quarantined_share": 1.0}),
        (ValidationPolicy, {"max_volume_ratio": 1.0}),
        (ValidationPolicy, {"max_volume_ratio": float("inf")}),
        (ValidationPolicy, {"max_label_odds": float("nan")}),
        (ValidationPolicy, {"max_explained": 1.0}),
        (ValidationPolicy, {"max_skew": -0.1}),
        (TrainingPolicy, {"holdout_share": 0.0}),
        (EvaluationPolicy, {"max_loss_over_base": float("nan")}),
        (ComparisonPolicy, {"margin": 0.0}),
        (ComparisonPolicy, {"margin": float("nan")}),
        (ComparisonPolicy, {"margin": 0.1, "cold_start": "maybe"}),
        (CanaryPolicy, {"margin": -0.1}),
        (CanaryPolicy, {"margin": 0.1, "alpha": 0.5}),
        (CanaryPolicy, {"margin": 0.1, "min_periods": 1}),
        (CanaryPolicy, {"margin": 0.1, "prediction_margin": 0.4}),
        (CanaryPolicy, {"margin": 0.1, "shares": ()}),
        (CanaryPolicy, {"margin": 0.1, "shares": (0.0, 0.5)}),
        (CanaryPolicy, {"margin": 0.1, "shares": (0.1, 0.51)}),
        (CanaryPolicy, {"margin": 0.1, "shares": (0.1, 0.1)}),
        (CanaryPolicy, {"margin": 0.1, "shares": (0.5, 0.1)}),
        (CanaryPolicy, {"margin": 0.1, "early_ratio": 0.9}),
        (CanaryPolicy, {"margin": 0.1, "early_ratio": float("inf")}),
        (CanaryPolicy, {"margin": 0.1, "muted": ("loss",)}),
        (MonitorPolicy, {"muted": ("early errors",)}),
        (MonitorPolicy, {"holdback": 0.6}),
        (MonitorPolicy, {"run_length": 1.0}),
        (ValidationPolicy, {"max_age": timedelta(0)}),
        (TrainingPolicy, {"window": timedelta(days=-40)}),
        (TrainingPolicy, {"window": timedelta.max}),
        (CanaryPolicy, {"margin": 0.1, "deadline": timedelta(days=-1)}),
        (WatchPolicy, {"cooldown": "often"}),
        (WatchPolicy, {"cooldown": timedelta(days=-1)}),
        (WatchPolicy, {"unknown_setting": 1}),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused(policy, wrong):
    with pytest.raises(ValidationError, match=list(wrong)[-1]):
        policy(**wrong)


@pytest.mark.parametrize("bare", [7, 7.5, True])
def test_a_time_without_its_unit_is_refused(bare):
    with pytest.raises(ValidationError, match="has no unit: write timedelta"):
        TrainingPolicy(window=bare)
    for written in (timedelta(days=7), "P7D", "7 days"):
        assert TrainingPolicy(window=written).window == timedelta(days=7)


@pytest.mark.parametrize("policy", [type(p) for _, p in Policies.with_margin(0.02)])
@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
def test_no_number_of_a_policy_may_be_infinite_or_none(policy, odd):
    given = {"margin": 0.1} if "margin" in policy.model_fields else {}
    numbers = [n for n, field in policy.model_fields.items() if float in _types(field.annotation)]
    for name in numbers:
        with pytest.raises(ValidationError, match=name):
            policy(**given | {name: odd})
    assert numbers or policy is GovernorPolicy


def _types(annotation):
    return get_args(annotation) or (annotation,)


def test_a_number_among_several_is_finite_too():
    with pytest.raises(ValidationError, match="nan is no limit"):
        CanaryPolicy(margin=0.1, shares=(0.1, math.nan, 0.5))


def test_a_policy_cannot_be_changed_once_it_is_made():
    with pytest.raises(ValidationError, match="frozen"):
        CanaryPolicy(margin=0.1).margin = 1.0


def test_policies_survive_their_own_dump():
    policies = Policies.with_margin(0.02, canary={"deadline": timedelta(days=3)})
    assert Policies.model_validate(policies.model_dump()) == policies
    assert Policies.model_validate_json(policies.model_dump_json()) == policies
