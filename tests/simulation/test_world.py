"""The world is seeded, its laws are known, and each kind of drift changes one law alone."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from simulation.applicants import CUSTOMERS
from simulation.drift import Shift, ShiftKind
from simulation.faults import as_stored
from simulation.feeds import DuplicateBatch, VolumeCollapse
from simulation.world import World
from sixgates.gates.errors import ConfigurationError

PLAIN = World(seed=3, start=datetime(2026, 1, 5), days=40, rows_per_day=500)  # noqa: DTZ001 - naive UTC
LATE = 20
"""Day on which the shifts of these tests begin."""


def shifted(*shifts: Shift) -> World:
    return replace(PLAIN, shifts=shifts)


def halves(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    frame, seam = world.frame(), LATE * world.rows_per_day
    return frame.head(seam), frame.slice(seam)


def test_the_same_world_is_made_twice():
    assert PLAIN.frame().equals(PLAIN.frame())
    assert not PLAIN.frame().equals(replace(PLAIN, seed=4).frame())


def test_a_longer_world_begins_with_the_shorter_one():
    longer = replace(PLAIN, days=60)
    assert longer.frame().head(PLAIN.frame().height).equals(PLAIN.frame())


def test_rows_come_in_event_time_order_and_as_many_a_day_as_said():
    frame = PLAIN.frame()
    assert frame["ts"].is_sorted()
    assert frame["ts"].n_unique() == frame.height
    day = (frame["ts"] - PLAIN.start).dt.total_days()
    assert day.value_counts()["count"].unique().to_list() == [500]
    assert PLAIN.rows_of(frame, 7).equals(frame.filter(day == 7))
    assert PLAIN.day_of(PLAIN.moment(7) + timedelta(hours=23)) == 7


@pytest.mark.parametrize("truth", [VolumeCollapse(3, share=0.5), DuplicateBatch(3)])
def test_the_rows_of_a_day_are_those_of_that_day_also_where_fewer_or_more_come(truth):
    frame = as_stored(PLAIN.frame(), PLAIN.start, (truth,), seed=1)
    rows = PLAIN.rows_of(frame, 7)
    assert rows.height not in {0, 500}
    assert set((rows["ts"] - PLAIN.start).dt.total_days()) == {7}


def test_customers_come_back_much_like_they_were():
    frame = PLAIN.frame()
    assert 0.95 * CUSTOMERS < frame["customer"].n_unique() <= CUSTOMERS
    assert frame.group_by("customer").agg(pl.col("region").n_unique())["region"].max() == 1
    within = frame.group_by("customer").agg(pl.col("utilisation").std())["utilisation"].mean()
    assert within < 0.6 * frame["utilisation"].std()


def test_every_label_is_known_and_no_column_tells_it():
    frame = PLAIN.frame()
    assert frame.null_count().sum_horizontal().item() == 0
    assert set(frame["defaulted"].unique()) == {0, 1}
    assert "probability" not in " ".join(frame.columns)


@pytest.mark.parametrize(
    "world",
    [
        PLAIN,
        shifted(Shift(ShiftKind.CONCEPT, LATE, 1.5, "inquiries")),
        shifted(Shift(ShiftKind.PRIOR, LATE, 1.0)),
        shifted(Shift(ShiftKind.PRIOR, 0, -1.0)),
    ],
    ids=["plain", "concept", "prior", "prior down"],
)
def test_labels_come_as_often_as_the_true_probability_says(world):
    label, p = world.frame()["defaulted"].to_numpy(), world.true_probability()
    groups = np.array_split(np.argsort(p), 10)
    # Labels are independent given p, so each group's z is about standard normal.
    z = [(label[g] - p[g]).sum() / np.sqrt((p[g] * (1 - p[g])).sum()) for g in groups]
    assert np.max(np.abs(z)) < 3.5
    assert 10 < np.sum(np.square(z)) + 10 < 10 + 29.6  # chi-square(10), 99.9 %


def test_a_covariate_shift_moves_one_feature_and_not_what_it_means():
    world = shifted(Shift(ShiftKind.COVARIATE, LATE, 1.0, "income"))
    (plain_before, plain_after), (before, after) = halves(PLAIN), halves(world)
    assert before.equals(plain_before)
    moved = (after["income"].log() - plain_after["income"].log()).to_numpy()
    assert np.allclose(moved, 0.5, atol=1e-3)  # one standard deviation of log income
    assert after.drop("income", "defaulted").equals(plain_after.drop("income", "defaulted"))
    assert after["defaulted"].mean() < plain_after["defaulted"].mean() - 0.05


def test_a_concept_shift_moves_labels_and_no_feature():
    world = shifted(Shift(ShiftKind.CONCEPT, LATE, 1.2, "inquiries"))
    (plain_before, plain_after), (before, after) = halves(PLAIN), halves(world)
    assert before.equals(plain_before)
    assert after.drop("defaulted").equals(plain_after.drop("defaulted"))
    assert abs(correlation(plain_after)) < 0.03
    assert correlation(after) > 0.2


def correlation(df: pl.DataFrame) -> float:
    return df.select(pl.corr("inquiries", "defaulted")).item()


def test_a_prior_shift_keeps_the_features_of_each_class():
    world = shifted(Shift(ShiftKind.PRIOR, LATE, 1.0))
    (plain_before, plain_after), (before, after) = halves(PLAIN), halves(world)
    assert before.equals(plain_before)

    def odds(df: pl.DataFrame) -> float:
        return df["defaulted"].mean() / (1 - df["defaulted"].mean())

    assert np.log(odds(after) / odds(plain_after)) == pytest.approx(1.0, abs=0.1)
    for label in (0, 1):
        a, b = (d.filter(pl.col("defaulted") == label)["utilisation"] for d in (plain_after, after))
        assert abs(a.mean() - b.mean()) < 4 * np.hypot(a.std(), b.std()) / np.sqrt(len(a))


def test_a_reverted_world_is_the_old_one_again():
    world = shifted(Shift(ShiftKind.CONCEPT, 10, 1.2, "inquiries"))
    back = world.reverted(LATE)
    assert halves(back)[0].equals(halves(world)[0])
    assert halves(back)[1].equals(halves(PLAIN)[1])
    assert world.reverted(5).reverted(LATE) == world.reverted(5)


def test_one_kind_of_shift_can_end_alone():
    inputs = Shift(ShiftKind.COVARIATE, 10, 1.0, "inquiries")
    world = shifted(Shift(ShiftKind.CONCEPT, 10, 1.2, "inquiries"), inputs)
    after = halves(world.reverted(LATE, ShiftKind.CONCEPT))[1]
    assert after.equals(halves(shifted(inputs))[1])


def test_a_splice_joins_two_worlds_without_a_seam_in_time():
    world = shifted(Shift(ShiftKind.CONCEPT, 10, 1.2, "inquiries"))
    spliced = world.spliced(PLAIN, LATE)
    assert halves(world)[0].equals(spliced.head(LATE * 500))
    assert halves(PLAIN)[1].equals(spliced.slice(LATE * 500))
    assert spliced["ts"].equals(world.frame()["ts"])


def test_worlds_of_different_people_are_not_spliced():
    with pytest.raises(ConfigurationError, match="shifts"):
        PLAIN.spliced(replace(PLAIN, seed=4), LATE)


@pytest.mark.parametrize("change", [{"days": 0}, {"rows_per_day": 0}, {"seed": -1}])
def test_a_world_without_rows_is_refused(change):
    with pytest.raises(ConfigurationError):
        replace(PLAIN, **change)
