import json

import polars as pl
import pytest

from sixgates.gates.data.evidence import DataEvidence, measure_data
from sixgates.gates.data.order import Order
from sixgates.gates.data.rows import split_rows
from sixgates.gates.data.skew import Skew
from sixgates.gates.errors import ContractError
from sixgates.gates.validate import judge_validation
from tests.gates.data.feed import DAY, NOW, of_day, project, rows

SKEW = Skew(100, 120, 0.02, ("x",))
ORDER = Order(0.0, 0.05, 500)


def measured(frame, toy, **given):
    split = split_rows(frame, toy, NOW)
    return split, measure_data(frame, split, toy, NOW, **given)


def known(frame):
    young = pl.col("t") > NOW - 2 * DAY
    return frame.with_columns(y=pl.when(young).then(None).otherwise("y"))


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
@pytest.mark.parametrize("label_time", [False, True])
def test_what_was_measured_is_the_same_after_the_ledger(task, label_time):
    toy = project(task, label_time=label_time)
    label = {"binary": "y", "regression": "x", "multiclass": "kind"}[task]
    frame = rows().with_columns(y=label, known=pl.col("t") + DAY)
    frame = frame if label_time else known(frame.drop("known"))
    frame = frame.with_columns(known=pl.col("t") + DAY) if label_time else frame
    _, found = measured(frame, toy, new_after=NOW - 5 * DAY, order=ORDER, skew=SKEW)
    stored = json.loads(json.dumps(found.to_dict()))
    assert DataEvidence.from_dict(stored) == found
    assert None not in (found.periods, found.leaks, found.order, found.skew)
    assert (found.delays != ()) is label_time
    assert len(json.dumps(stored)) < 5_000


def test_healthy_data_passes_and_every_question_is_answered():
    toy = project()
    split, found = measured(known(rows()), toy, new_after=NOW - 10 * DAY, order=ORDER, skew=SKEW)
    verdict = judge_validation(split, found, toy, NOW, NOW - 10 * DAY)
    assert verdict.passed
    assert not any(check.muted for check in verdict.checks)
    names = [check.name.split(",")[0] for check in verdict.checks]
    assert names[-9:] == [
        "largest null share of new rows",
        "rows by period",
        "event times that go backwards",
        "repeated rows",
        "repeated keys",
        "label rate",
        "label explained by one feature",
        "nulls until the label is known",
        "training/serving skew",
    ]


def test_a_first_model_is_possible_without_any_history():
    toy = project(max_quarantined_share=0.0)
    young = known(rows().filter(pl.col("t") > NOW - 6 * DAY))
    split, found = measured(young, toy)
    verdict = judge_validation(split, found, toy, NOW)
    assert verdict.passed
    muted = [check.name for check in verdict.checks if check.muted]
    assert muted == [
        "rows by period",
        "repeated rows",
        "repeated keys",
        "label rate",
        "training/serving skew",
    ]


def test_limits_can_be_switched_off_one_by_one():
    off = dict.fromkeys(
        ("max_volume_ratio", "max_repeat_rise", "max_label_odds", "max_explained", "max_skew")
    )
    toy = project(**off)
    frame = pl.concat([rows(), *[of_day(rows(), 68)] * 3]).with_columns(x=pl.col("y") * 1.0)
    split, found = measured(frame.sort("t"), toy, skew=Skew(100, 100, 1.0, ()))
    assert judge_validation(split, found, toy, NOW).passed
    strict = judge_validation(split, found, project(), NOW)
    assert len([c for c in strict.checks if c.outcome == "fail"]) == 5


def test_a_broken_table_is_not_measured():
    toy = project()
    split, found = measured(rows().drop("x"), toy, skew=SKEW)
    assert found == DataEvidence(skew=SKEW)
    assert judge_validation(split, found, toy, NOW).reason.startswith("the table breaks")
    assert measured(rows().clear(), toy)[1] == DataEvidence()


def test_rows_that_are_all_refused_are_still_counted():
    toy = project()
    _, found = measured(rows().with_columns(x=float("inf")), toy)
    assert sum(found.periods.rows) == 63 * 50
    assert found.leaks.strongest == ()


def test_other_values_than_evidence_are_an_error():
    with pytest.raises(ContractError, match="stored evidence of gate 1 cannot be read"):
        DataEvidence.from_dict({"periods": 3})
