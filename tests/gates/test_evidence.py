"""Evidence from tiny frames: every expected number was worked out by hand."""

from datetime import timedelta

import numpy as np
import pytest

from sixgates.gates.card import Task
from sixgates.gates.evidence import Trial, gather, loss_by_period
from sixgates.gates.split import Counted
from sixgates.gates.statistics.counts import ArmCounts
from tests.fakes import DAY, day, known, said, tiny_project

SHADOW = Trial("2", "1", {1: 0.0}, epoch=1)


def trial(*epochs_and_shares, epoch=2, **classes):
    return Trial("2", "1", dict(epochs_and_shares), epoch, **classes)


def pair(request, champion, challenger, at=0.5, **both):
    """Both models' answers to one request, the challenger's in shadow."""
    return [
        {"request": request, "values": (champion,), "at": at, **both},
        {"request": request, "values": (challenger,), "at": at, "version": "2", "arm": "shadow",
         **both},
    ]  # fmt: skip


def served(request, arm, value, **more):
    version = "2" if arm == "canary" else "1"
    return {"request": request, "arm": arm, "version": version, "values": (value,), **more}


def each(*batches):
    """Where every request is its own unit, units and rows are the same."""
    return Counted(batches, batches)


def seen(rows, labels, *, now, trial=SHADOW, project=None, slow_ms=1.0):
    project = project or tiny_project()
    return gather(project, trial, said(*rows), known(*labels), now=day(now), slow_ms=slow_ms)


def test_nothing_logged_is_no_evidence():
    found = seen([], [], now=100)
    assert found.pair_means.size == found.split_means.size == 0
    assert (found.pairs, found.stage_requests, found.requests_per_period) == (0, 0, 0.0)
    assert found.losses == found.errors == found.slow == ((), ())
    assert found.shadow_errors == found.shares == ()
    assert (found.predictions, found.early, found.units_per_period) == (None, None, 0.0)


def test_a_pair_is_both_answers_to_one_request():
    rows = [*pair("a", 0.4, 0.2), *pair("b", 0.5, 0.9), *pair("unlabelled", 0.1, 0.9)]
    found = seen(rows, [("a", 0, 2.5), ("b", 1, 2.5)], now=3)
    assert found.pair_means == pytest.approx([((0.04 - 0.16) + (0.01 - 0.25)) / 2])
    assert found.pairs == 2


def test_a_request_that_only_one_model_answered_makes_no_pair():
    rows = [*pair("a", 0.4, 0.2), {"request": "b", "values": (0.5,)}]
    assert seen(rows, [("a", 0, 2.5), ("b", 1, 2.5)], now=3).pairs == 1


@pytest.mark.parametrize(("now", "periods"), [(2.9, 0), (3.0, 1), (3.9, 1), (4.0, 2)])
def test_a_period_counts_once_its_age_says_that_every_label_is_known(now, periods):
    rows = [*pair("a", 0.4, 0.2, at=0.9), *pair("b", 0.4, 0.2, at=1.1)]
    early = [("a", 0, 1.0), ("b", 0, 1.2)]  # labels that came long before the horizon
    assert len(seen(rows, early, now=now).pair_means) == periods


def test_a_label_that_becomes_known_later_is_not_used_yet():
    rows = [*pair("a", 0.4, 0.2), *pair("b", 0.5, 0.9)]
    labels = [("a", 0, 2.5), ("b", 1, 3.5)]
    assert seen(rows, labels, now=3).pair_means == pytest.approx([-0.12])
    assert seen(rows, labels, now=3.5).pair_means == pytest.approx([-0.18])


def test_a_repeated_request_counts_once_and_its_first_answer_holds():
    repeated = pair("a", 0.4, 0.9)
    rows = [*pair("a", 0.4, 0.2), *repeated, *pair("b", 0.5, 0.9)]
    found = seen(rows, [("a", 0, 2.5), ("b", 1, 2.5)], now=3)
    assert found.pairs == 2
    assert found.pair_means == pytest.approx([-0.18])


def test_a_request_repeated_across_the_split_is_one_canary_request():
    rows = [served("a", "canary", 0.2, epoch=2)] * 3
    found = seen(rows, [], now=3, trial=trial((2, 0.25)))
    assert found.stage_requests == 1
    assert found.errors == each(ArmCounts(0, 1, 0, 0))


def test_a_canary_that_failed_loses_the_clip():
    rows = [
        served("a", "canary", 0.0, epoch=2) | {"values": (), "error": "boom", "entity": "ann"},
        {**served("a", "shadow", 0.4, epoch=2), "version": "1", "entity": "ann"},
        served("b", "champion", 0.5, epoch=2, entity="bob"),
    ]
    found = seen(rows, [("a", 0, 2), ("b", 1, 2)], now=3, trial=trial((2, 0.25)))
    assert found.pair_means == pytest.approx([1.0 - 0.16])
    (batch,) = found.losses.once
    assert batch.assigned.tolist() == [True, False]
    assert batch.losses == pytest.approx([1.0, 0.25])
    assert found.errors == each(ArmCounts(1, 1, 0, 1))


def test_a_failure_costs_the_clip_of_a_regression_as_well():
    project = tiny_project(Task.REGRESSION)
    rows = [*pair("a", 4.0, 3.5), *pair("b", 4.0, 0.0)]
    rows[3] |= {"values": (), "error": "boom"}
    found = seen(rows, [("a", "3.0", 2), ("b", "3.0", 2)], now=3, project=project)
    assert found.pair_means == pytest.approx([((0.5 - 1.0) + (10.0 - 1.0)) / 2])


def test_shadow_rows_do_not_enter_the_split():
    rows = [
        *pair("a", 0.4, 0.2, epoch=2, entity="ann"),
        served("b", "canary", 0.9, epoch=2, entity="bob"),
        {**served("b", "shadow", 0.5, epoch=2, entity="bob"), "version": "1"},
    ]
    found = seen(rows, [("a", 0, 2.5), ("b", 1, 2.5)], now=3, trial=trial((2, 0.25)))
    (batch,) = found.losses.once
    assert batch.assigned.tolist() == [False, True]  # ann at the champion, bob at the canary
    assert batch.losses == pytest.approx([0.16, 0.01])
    assert found.split_means == pytest.approx([0.01 - 0.16])
    assert found.shares == ((1, 2, 0.25),)
    assert found.errors == each(ArmCounts(0, 1, 0, 1))
    assert (found.pairs, found.stage_requests) == (2, 1)


def test_the_shadow_epoch_teaches_what_the_champion_is_like_and_is_no_part_of_the_split():
    rows = [
        *pair("a", 0.4, 0.2, epoch=1),
        *pair("a2", 0.4, 0.2, epoch=1, entity="ann"),
        *pair("a3", 0.0, 0.2, epoch=1, entity="ann"),
        served("b", "champion", 0.5, epoch=2),
    ]
    rows[2] |= {"error": "boom"}  # the champion's own; its answer went out late, say
    rows[3] |= {"error": "boom"}  # the challenger's, in shadow
    labels = [("a", 0, 2), ("a2", 0, 2), ("a3", 0, 2), ("b", 1, 2)]
    found = seen(rows, labels, now=3, trial=trial((1, 0.0), (2, 0.25)))
    assert found.shares == ((0, 1, 0.25),)
    assert found.errors.once == (ArmCounts(0, 0, 1, 2), ArmCounts(0, 0, 0, 1))
    assert found.errors.every == (ArmCounts(0, 0, 1, 3), ArmCounts(0, 0, 0, 1))
    record, _ = found.losses.once
    assert not record.assigned.any()
    assert sorted(record.losses) == pytest.approx([(0.16 + 0.0) / 2, 0.16])
    assert found.pairs == 3


def test_epochs_before_the_trial_show_the_control_alone():
    rows = [
        *pair("a", 0.4, 0.2, epoch=1),
        served("b", "canary", 0.5, epoch=2),
        {**served("b", "shadow", 0.4, epoch=2), "version": "1"},
    ]
    rows[0] |= {"error": "boom"}
    found = seen(
        rows, [("a", 0, 2), ("b", 1, 2)], now=3, trial=Trial("2", "1", {2: 0.95}, 2, before=(1,))
    )
    assert found.pairs == 1  # of epoch 2 alone
    assert found.errors == each(ArmCounts(0, 0, 1, 1), ArmCounts(0, 1, 0, 0))
    assert found.shares == ((1, 1, 0.95),)
    assert [batch.assigned.any() for batch in found.losses.once] == [False, True]


def test_epochs_and_versions_of_another_release_are_left_out():
    rows = [
        *pair("a", 0.4, 0.2, epoch=1),
        *pair("old", 0.4, 0.9, epoch=0),
        {"request": "a", "version": "7", "values": (0.9,)},
    ]
    found = seen(rows, [("a", 0, 2), ("old", 0, 2)], now=3)
    assert found.pair_means == pytest.approx([-0.12])


def test_a_unit_counts_once_a_period_with_its_mean_loss():
    rows = [
        served("a", "canary", 0.0, epoch=2, entity="ann"),
        served("b", "canary", 1.0, epoch=2, entity="ann"),
        served("c", "champion", 0.5, epoch=2, entity="bob"),
    ]
    labels = [("a", 0, 2), ("b", 0, 2), ("c", 0, 2)]
    (batch,) = seen(rows, labels, now=3, trial=trial((2, 0.25))).losses.once
    assert batch.losses == pytest.approx([0.5, 0.25])


def test_losses_of_the_split_are_scaled_by_the_clip():
    rows = [served("a", "canary", 7.0, epoch=2), served("b", "champion", 99.0, epoch=2)]
    labels = [("a", "3.0", 2), ("b", "3.0", 2)]
    project = tiny_project(Task.REGRESSION)
    found = seen(rows, labels, now=3, trial=trial((2, 0.5)), project=project)
    assert found.losses.once[0].losses == pytest.approx([0.4, 1.0])
    assert found.split_means == pytest.approx([4.0 - 10.0])


def test_epochs_of_one_period_are_weighted_by_their_harmonic_counts():
    def unit(name, arm, value, epoch):
        return served(name, arm, value, epoch=epoch, entity=name)

    rows = [
        unit("a", "canary", 0.0, 2),  # epoch 2: 0 - 1 = -1, weight 1 x 1 / 2 = 1/2
        unit("b", "champion", 1.0, 2),
        unit("c", "canary", 1.0, 3),  # epoch 3: 1 - 1/2 = 1/2, weight 2 x 2 / 4 = 1
        unit("d", "canary", 1.0, 3),
        unit("e", "champion", 1.0, 3),
        unit("f", "champion", 0.0, 3),
    ]
    labels = [(name, 0, 2) for name in "abcdef"]
    found = seen(rows, labels, now=3, trial=trial((2, 0.25), (3, 0.5), epoch=3))
    assert found.split_means == pytest.approx([(-1 * 0.5 + 0.5 * 1) / 1.5])
    assert [batch.assigned.mean() for batch in found.losses.once] == [1 / 2, 2 / 4]
    assert found.stage_requests == 2


def test_a_period_in_which_one_arm_is_empty_says_nothing_about_the_split():
    rows = [served("a", "champion", 0.5, epoch=2)]
    found = seen(rows, [("a", 0, 2)], now=3, trial=trial((2, 0.25)))
    assert found.split_means.size == 0
    assert len(found.losses.once) == 1


def test_slow_answers_and_errors_are_counted_by_epoch_and_period_without_labels():
    rows = [
        served("a", "canary", 0.1, epoch=2, micros=1_001.0),
        served("b", "champion", 0.1, epoch=2, micros=1_000.0),
        served("c", "champion", 0.1, epoch=2, at=1.5, micros=5_000.0, error="boom"),
        served("d", "canary", 0.1, epoch=3, at=1.5, error="boom"),
    ]
    found = seen(rows, [], now=2, trial=trial((2, 0.25), (3, 0.5), epoch=3))
    assert found.slow == each(ArmCounts(1, 1, 0, 1), ArmCounts(0, 0, 1, 1), ArmCounts(0, 1, 0, 0))
    assert found.errors == each(ArmCounts(0, 1, 0, 1), ArmCounts(0, 0, 1, 1), ArmCounts(1, 1, 0, 0))


def test_failures_in_shadow_are_held_against_the_champion_on_the_same_requests():
    rows = [*pair("a", 0.4, 0.2), *pair("b", 0.4, 0.2), *pair("c", 0.4, 0.2, at=1.5)]
    rows[1] |= {"values": (), "error": "boom"}
    found = seen(rows, [], now=2)
    assert found.shadow_errors == (ArmCounts(1, 2, 0, 2), ArmCounts(0, 1, 0, 1))
    assert found.errors == each(ArmCounts(0, 0, 0, 3))


def test_traffic_is_counted_in_rows_a_period():
    rows = [*pair("a", 0.4, 0.2), *pair("b", 0.4, 0.2), *pair("c", 0.4, 0.2, at=1.5)]
    assert seen(rows, [], now=2).requests_per_period == 1.5
    not_shadowed = {"request": "d", "values": (0.4,), "at": 1.5}
    assert seen([*rows, not_shadowed], [], now=2).requests_per_period == 2.0


def test_periods_have_the_projects_own_length():
    rows = [*pair("a", 0.4, 0.2, at=0.2), *pair("b", 0.5, 0.9, at=0.3)]
    project = tiny_project(period=timedelta(hours=6))
    found = seen(rows, [("a", 0, 2), ("b", 1, 2)], now=3, project=project)
    assert found.pair_means == pytest.approx([-0.12, -0.24])


def test_where_labels_tell_their_time_nearly_the_longest_delay_is_the_horizon():
    project = tiny_project(label_time="known_at")
    rows = [row for i in range(5) for row in pair(f"r{i}", 0.4, 0.2, at=0.5)]
    rows += pair("young", 0.4, 0.9, at=4.5)
    labels = [(f"r{i}", 0, 1.5) for i in range(4)] + [("r4", 0, 4.5), ("young", 0, 5.0)]
    # The longest of six delays, 4 days, is their 99 % quantile: day 0 is used from day 5 on.
    assert len(seen(rows, labels, now=4.9, project=project).pair_means) == 0
    assert seen(rows, labels, now=5.0, project=project).pair_means == pytest.approx([-0.12])
    assert len(seen(rows, labels, now=9.0, project=project).pair_means) == 2


CLASSES = {"1": ("low", "mid", "top"), "2": ("low", "mid", "top")}


def test_several_classes_lose_half_the_sum_of_squares():
    project = tiny_project(Task.MULTICLASS)
    rows = pair("a", 0, 0)
    rows[0]["values"], rows[1]["values"] = (0.5, 0.5, 0.0), (0.0, 1.0, 0.0)
    found = seen(rows, [("a", "mid", 2)], now=3, project=project, trial=Trial(
        "2", "1", {1: 0.0}, 1, CLASSES))  # fmt: skip
    assert found.pair_means == pytest.approx([0.0 - (0.25 + 0.25) / 2])


def test_each_version_is_judged_by_its_own_classes():
    project = tiny_project(Task.MULTICLASS)
    rows = pair("a", 0, 0)
    rows[0]["values"], rows[1]["values"] = (0.5, 0.5), (0.0, 0.0, 1.0)
    classes = {"1": ("low", "mid"), "2": ("low", "mid", "top")}
    found = seen(rows, [("a", "top", 2)], now=3, project=project, trial=Trial(
        "2", "1", {1: 0.0}, 1, classes))  # fmt: skip
    assert found.pair_means == pytest.approx([0.0 - 1.0])  # the champion never learnt "top"


@pytest.mark.parametrize("label", ["nan", "maybe", "7"])
def test_a_label_that_no_answer_can_be_held_against_makes_the_loss_nan(label):
    rows = [*pair("a", 0.4, 0.2), *pair("b", 0.5, 0.9)]
    found = seen(rows, [("a", label, 2), ("b", 1, 2)], now=3)
    assert np.isnan(found.pair_means).tolist() == [True]


def test_the_loss_of_one_version_is_read_whatever_arm_it_answered_in():
    rows = [
        *pair("a", 0.4, 0.2),
        {"request": "b", "values": (0.5,), "arm": "shadow", "epoch": 9},
        {"request": "c", "values": (0.5,), "at": 1.5},
    ]
    labels = known(("a", 0, 2), ("b", 1, 2), ("c", 1, 2.5))
    found = loss_by_period(tiny_project(), "1", said(*rows), labels, now=day(3.5))
    assert found.to_dicts() == [
        {"period": 0, "loss": pytest.approx((0.16 + 0.25) / 2), "matures": 3 * DAY, "n": 2}
    ]
    assert loss_by_period(tiny_project(), "8", said(*rows), labels, now=day(9)).height == 0


def test_records_of_a_few_days_do_not_say_how_long_labels_take():
    """Class 1 is known within hours, class 0 after weeks: the training data knew of both."""
    project = tiny_project(label_time="known_at")
    rows = [*pair("a", 0.4, 0.9), *pair("b", 0.4, 0.9)]
    labels = [("a", 1, 0.7), ("b", 0, 25.0)]
    young = trial((1, 0.0), epoch=1, label_age=25 * DAY)
    assert seen(rows, labels, now=3, project=project, trial=young).pairs == 0
    assert seen(rows, labels, now=26.1, project=project, trial=young).pairs == 2
    assert seen(rows, labels, now=3, project=project).pairs == 1  # where nothing else is known
