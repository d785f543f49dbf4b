import math
from datetime import timedelta

import pandera.polars as pa
import pytest

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.explain.expect import (
    alarm_periods,
    clean_requests,
    failing_requests,
    pair_periods,
    wald_requests,
)
from sixgates.gates.explain.explain import explain
from sixgates.gates.explain.plan import Traffic, plan_release
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles
from sixgates.gates.statistics.periods import sr_detector


def project(*, changes="no", varies="unknown", entity="who", period=timedelta(days=1), **policies):
    horizon = policies.pop("horizon", timedelta(days=2))
    columns = ("t", "who", "x", "y")
    return Project(
        name="toy",
        task="binary",
        contract=pa.DataFrameSchema({c: pa.Column() for c in columns}),
        roles=Roles(
            event_time="t", label="y", numeric=("x",), entity=entity, label_horizon=horizon,
            ignored=() if entity else ("who",),
        ),
        loss="brier",
        prediction_changes_outcome=changes,
        effect_varies=varies,
        period=period,
        policies=Policies.with_margin(policies.pop("margin", 0.02), **policies),
    )  # fmt: skip


def words(found):
    return " ".join(line for section in found.sections for line in section.sentences)


@pytest.mark.parametrize("truth", [0.0, 0.02])
def test_the_expectation_is_walds(truth):
    # Wald's 2,594 an arm at base .10, m .02 and both errors .05 is a figure of the specification
    limit = math.log(19)
    found = wald_requests(0.1, 0.02, truth=truth, promote=limit, rollback=limit)
    assert found == pytest.approx(2594, rel=0.09)


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        ({"base": 0.1}, {"base": 0.3}),
        ({"margin": 0.04}, {"margin": 0.02}),
        ({"promote": 3.0}, {"promote": 6.0}),
    ],
)
def test_what_is_harder_to_tell_takes_more_requests(easier, harder):
    def needed(base=0.1, margin=0.02, promote=3.0):
        return wald_requests(base, margin, truth=0.0, promote=promote, rollback=3.0)

    assert needed(**easier) < needed(**harder)


@pytest.mark.parametrize(("effect", "periods"), [(2.0, 6), (1.0, 11), (0.5, 38), (0.0, None)])
def test_pairs_need_periods_by_their_effect_size(effect, periods):
    assert pair_periods(effect, math.log(20), 3) == periods


def test_pairs_are_not_judged_before_the_fewest_periods():
    assert pair_periods(50.0, math.log(20), 9) == 9


def test_clean_and_failing_requests_follow_their_formulas():
    assert clean_requests(0.02, 0.05) == math.ceil(math.log(20) / math.log(1.02))
    assert failing_requests(0.02, 0.01, math.log(80)) < failing_requests(0.02, 0.5, math.log(80))


def test_the_soonest_alarm_is_that_of_the_detector_itself():
    k = alarm_periods(200.0)
    steady = [1.0, 1.001] * 20
    assert sr_detector(steady[:k]) >= math.log(200) > sr_detector(steady[: k - 1])


@pytest.mark.parametrize(
    ("requests", "shares"),
    [
        (10.0, (0.5,)),
        (24.0, (0.25, 0.5)),
        (60.0, (0.05, 0.25, 0.5)),
        (1e6, (0.01, 0.05, 0.25, 0.5)),
    ],
)
def test_the_shares_are_those_that_the_canary_would_open(requests, shares):
    assert plan_release(project(), Traffic(requests)).shares == shares


def test_pairs_time_is_shadow_then_stages():
    plan = plan_release(project(), Traffic(400.0))
    # 11 periods and 2 days for labels; 20 requests at 1 %, 5 % and 25 %, the other 92 at 50 %
    assert plan.shadow_days == 13
    assert plan.promote_requests == 152
    assert plan.promote_days == pytest.approx(13 + 20 / 4 + 20 / 20 + 20 / 100 + 92 / 200)
    assert plan.rollback_requests is None
    assert plan.rollback_days == plan.rollback_periods + 2


def test_the_split_waits_for_matured_labels():
    plan = plan_release(project(changes="yes", varies="no"), Traffic(10_000.0))
    assert plan.promote_periods is None
    assert plan.shadow_days == 3 + 2
    assert 2_000 < plan.promote_requests < plan.rollback_requests < 6_000
    assert plan.promote_days > 5 + 2 + 1


def test_what_varies_by_period_is_decided_by_periods_and_takes_longer():
    by_unit, by_period = (
        plan_release(project(changes="yes", varies=v), Traffic(4_000.0)) for v in ("no", "yes")
    )
    assert by_unit.promote_periods is None
    assert by_period.promote_periods > plan_release(project(), Traffic()).promote_periods
    assert by_period.rollback_requests is None
    assert by_period.promote_days > by_unit.promote_days
    # at a spread of a fifth of the margin and no end of traffic, chance is all but gone
    ample = plan_release(project(changes="yes"), Traffic(1e9, effect_size=5.0))
    assert ample.promote_periods == pair_periods(5.0, math.log(20), 3)


def test_what_a_statement_about_the_effect_costs_is_said():
    said = words(explain(project(changes="yes"), Traffic(10_000.0)))
    assert "period by period of 1 day, because the difference between two models may vary" in said
    assert "effect_varies is 'unknown'" in said
    said = words(explain(project(changes="yes", varies="no"), Traffic(10_000.0)))
    assert "the project says that the difference between two models does not vary" in said
    assert "effect_varies" not in words(explain(project(), Traffic(10_000.0)))  # pairs judge


@pytest.mark.parametrize(
    ("canary", "said", "unsaid"),
    [
        (
            {},
            "each at 5 %: less than 2 % more server errors, less than 2 % more answers over 50 ms,",
            "Muted",
        ),
        (
            {},
            "less than 40 % more answers outside the usual range",
            "Muted",
        ),
        ({}, "mean of 6 e-values", "Muted"),
        ({}, "one of them alone has to reach 120", "Muted"),
        ({}, "more than 1.5 times as many large losses", "Muted"),
        ({"prediction_margin": None, "early_ratio": None}, "mean of 4 e-values", "usual range"),
        (
            {"muted": ("slow answers", "early errors")},
            "Muted in gate 5: slow answers, early errors. That is recorded and shown, and",
            "answers over 50 ms",
        ),
        (
            {"muted": ("server errors", "slow answers", "predictions")},
            "Nothing but the loss is needed for a promotion",
            "more server errors,",
        ),
    ],
)
def test_every_guardrail_is_said_with_its_limit_or_as_muted(canary, said, unsaid):
    text = " ".join(explain(project(canary=canary), Traffic()).sections[0].sentences)
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("gate", "policy", "said", "unsaid"),
    [
        (5, {}, "more than 20 % more answers outside the middle 98 %", None),
        (5, {}, "fewer than 50 of those before the split", None),
        (5, {}, "1.5 times the champion's large losses", None),
        (5, {"muted": ("server errors",)}, "slower than 50 ms", "server errors"),
        (5, {"prediction_margin": None}, "server errors", "middle 98 %"),
        (6, {}, "outside the middle 98 % of the previous champion's own", None),
        (6, {"muted": ("slow answers",)}, "server errors", "slower"),
    ],
)
def test_gates_5_and_6_say_what_they_refuse(gate, policy, said, unsaid):
    made = project(**{"canary" if gate == 5 else "monitor": policy})
    line = explain(made, Traffic()).sections[4].sentences[gate - 1]
    assert said in line
    assert unsaid is None or unsaid not in line


def test_more_traffic_never_takes_longer_and_less_margin_never_less():
    for changes in ("yes", "no"):
        times = [
            plan_release(project(changes=changes), Traffic(rate)).promote_days
            for rate in (1e3, 1e4, 1e5)
        ]
        assert times == sorted(times, reverse=True)
    wide, narrow = (
        plan_release(project(changes="yes", margin=m), Traffic(1e4)).promote_days
        for m in (0.02, 0.01)
    )
    assert wide < narrow


@pytest.mark.parametrize("changes", ["yes", "no", "unknown"])
def test_a_sound_policy_at_enough_traffic_has_no_problem(changes):
    assert explain(project(changes=changes), Traffic(10_000.0)).problems == ()


@pytest.mark.parametrize(
    ("made", "traffic", "problem"),
    [
        # the split has too little traffic
        ({"changes": "yes"}, 100.0, "cannot decide: an equal challenger needs about"),
        ({"changes": "unknown"}, 100.0, "at 100 requests a day, and canary.deadline is 60 days"),
        # no traffic at all
        ({}, 0.0, "cannot decide: an equal challenger needs more time than can be foreseen"),
        # equal ones are promoted just in time, worse ones not rolled back
        (
            {"changes": "yes", "varies": "no", "canary": {"deadline": timedelta(days=18)}},
            1_000.0,
            "to be rolled",
        ),
        # pairs need 11 days and two for labels, whatever the traffic
        ({"canary": {"deadline": timedelta(days=12)}}, None, "cannot decide"),
        ({"canary": {"deadline": timedelta(days=17)}}, None, "needs about 19 days to be rolled"),
        # a fifth of 68 days with labels hold at most 14 clusters
        (
            {"entity": None, "training": {"window": timedelta(days=70)}},
            10_000.0,
            "the holdout spans about 14 periods and gate 4 needs 30 clusters",
        ),
        # a window of 180 days of which 90 have labels, and one of which none has
        (
            {
                "entity": None,
                "horizon": timedelta(days=90),
                "training": {"window": timedelta(days=180)},
            },
            10_000.0,
            "the holdout spans about 19 periods and gate 4 needs 30 clusters",
        ),
        (
            {"horizon": timedelta(days=60), "training": {"window": timedelta(days=60)}},
            10_000.0,
            "cannot train: training.window is 60 days, and no label is known before",
        ),
        # thirteen days of shadow at three requests a day
        ({}, 3.0, "the shadow phase sees about 39 answers"),
        # labels come when the release is over
        ({"horizon": timedelta(days=90)}, 10_000.0, "no signal to roll back on: the first period"),
        # confirmed before the detector can speak
        ({"monitor": {"periods": 5}}, 10_000.0, "no signal to roll back on: the e-detector"),
        ({"monitor": {"run_length": 1e6}}, 10_000.0, "after 12 periods"),
        # nobody is held back
        (
            {"changes": "yes", "monitor": {"holdback": 0.0005}},
            1_500.0,
            "no signal to roll back on: the hold-back of gate 6 sees 0.75 requests",
        ),
    ],
)
def test_a_policy_that_cannot_decide_is_refused_in_words(made, traffic, problem):
    found = explain(project(**made), Traffic(traffic))
    assert any(problem in line for line in found.problems), found.problems


def test_without_traffic_no_time_is_claimed():
    found = explain(project(changes="yes"), Traffic())
    assert (found.plan.promote_days, found.plan.rollback_days) == (None, None)
    assert "Times are not worked out" in words(found)
    assert found.problems == ()


def test_margin_and_error_rates_stand_in_words():
    policy = {"alpha": 0.04, "beta": 0.03}
    text = words(explain(project(margin=0.015, canary=policy), Traffic(5_000.0)))
    for part in (
        "The margin is 0.015",
        "promoted by gate 5 with probability at most 4 %",
        "rolled back by gate 5 with probability at most 3 %",
        "after 60 days it expires and the champion stays",
        "An equal model alarms once in 200 periods or more",
        "a false alert once in 365 of them or more",
        "a stability index of 0.1",
        "Any of it asks for a retrain",
    ):
        assert part in text


@pytest.mark.parametrize("number", range(1, 7))
def test_every_gate_says_what_it_refuses(number):
    refused = explain(project(), Traffic()).sections[4].sentences
    assert refused[number - 1].startswith(f"Gate {number}, ")


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("max_volume_ratio", "more than 2 times off the usual number"),
        ("max_repeat_rise", "repeated rows or keys more than 20 % above"),
        ("max_label_odds", "labels whose odds are 5 times off"),
        ("max_explained", "explains more than 95 % of the label"),
        ("max_skew", "more than 10 % of stored rows"),
    ],
)
def test_gate_1_says_the_limits_that_are_set(limit, words):
    line = explain(project(), Traffic()).sections[4].sentences[0]
    assert words in line
    assert "known later than the rest" not in line  # the project states a label horizon
    line = explain(project(validation={limit: None}), Traffic()).sections[4].sentences[0]
    assert words not in line
    assert "rows out of order" in line


@pytest.mark.parametrize(
    ("evaluation", "said", "unsaid"),
    [
        ({}, "off by more than 0.2", "no limit on the loss"),
        ({"max_calibration_error": None}, "20 ms", "off by more"),
        ({"max_latency_ms": None, "max_size_mb": None}, "off by more than 0.2", " MB"),
        ({"max_loss_over_base": None}, "no limit on the loss is set", "times the base rate's"),
    ],
)
def test_gate_3_says_the_limits_that_are_set(evaluation, said, unsaid):
    line = explain(project(evaluation=evaluation), Traffic()).sections[4].sentences[2]
    assert said in line
    assert unsaid not in line


@pytest.mark.parametrize(
    "traffic",
    [
        Traffic(-1.0),
        Traffic(math.nan),
        Traffic(math.inf),
        Traffic(base_rate=0.0),
        Traffic(base_rate=0.98),
        Traffic(base_rate=math.nan),
        Traffic(effect_size=0.0),
        Traffic(effect_size=math.nan),
    ],
)
def test_an_impossible_assumption_is_refused(traffic):
    with pytest.raises(ConfigurationError):
        explain(project(), traffic)
