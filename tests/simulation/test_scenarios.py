"""Each scenario's world has the effects that its expected end rests on, by a good margin.

Models are trained with LightGBM directly and judged as the gates do, for every day on which the
watch may plausibly alert.
"""

from dataclasses import dataclass, replace
from functools import cache

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from projects.loans import project as loans
from simulation.catalogue.core import CORE, INPUTS, LIVE
from simulation.drift import ShiftKind
from simulation.scenario import End, Scenario, project_file
from sixgates.adapters.lake.source import WindowRows
from sixgates.adapters.lightgbm_trainer import train as train_model
from sixgates.adapters.observing import look_at
from sixgates.adapters.project_files import load_project
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.rows import split_rows
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.windows import whole_windows
from sixgates.gates.timesplit import TimeSplit, time_split
from sixgates.gates.validate import judge_validation
from sixgates.gates.watch import WatchEvidence, judge_watch

BY_NAME = {s.name: s for s in CORE}
TWO_ACTS = [(INPUTS + after) for after in (1, 2, 3, 4, 6)]
MARGIN = loans.policies.comparison.margin


@dataclass(frozen=True)
class Model:
    """A trained model, and the rows that it never saw."""

    booster: lgb.Booster
    split: TimeSplit

    def losses(self, rows: pl.DataFrame) -> np.ndarray:
        answers = self.booster.predict(matrix(rows), num_threads=1)
        return (answers - rows["defaulted"].to_numpy()) ** 2


def matrix(rows: pl.DataFrame) -> np.ndarray:
    roles = loans.roles
    codes = [
        rows[c].cast(pl.Enum(sorted(rows[c].unique()))).to_physical() for c in roles.categorical
    ]
    return np.column_stack([rows.select(roles.numeric).to_numpy(), *codes])


def train(scenario: Scenario, lake: pl.DataFrame, day: int) -> Model:
    project, policy = scenario.project, scenario.project.policies.training
    split = time_split(lake, project, scenario.world.moment(day))
    inner = lgb.Dataset(
        matrix(split.train), split.train["defaulted"].to_numpy(), categorical_feature=[5, 6]
    )
    outer = inner.create_valid(matrix(split.validation), split.validation["defaulted"].to_numpy())
    fixed = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": policy.seed}
    stop = lgb.early_stopping(policy.early_stopping, verbose=False)
    parameters = {**fixed, **project.trainer}
    booster = lgb.train(parameters, inner, policy.rounds, valid_sets=[outer], callbacks=[stop])
    return Model(booster, split)


def champion(scenario: Scenario) -> Model:
    return champion_of(scenario.name)


@cache
def champion_of(name: str) -> Model:
    scenario = BY_NAME[name]
    return train(scenario, scenario.lake(scenario.frame()), LIVE)


def challenger(scenario: Scenario, day: int) -> Model:
    return train(scenario, scenario.lake(scenario.frame()), day)


def holdout_difference(new: Model, old: Model) -> tuple[float, float]:
    rows = new.split.holdout
    d = new.losses(rows) - old.losses(rows)
    return float(d.mean()), float(d.std() / np.sqrt(len(d)))


def beats_base_rate(model: Model) -> bool:
    rows = model.split.holdout
    base = (rows["defaulted"].to_numpy() - model.split.train["defaulted"].mean()) ** 2
    d = model.losses(rows) - base
    return bool(d.mean() + 1.645 * d.std() / np.sqrt(len(d)) < 0)


def daily_difference(
    scenario: Scenario, new: Model, old: Model, frame: pl.DataFrame, days: range
) -> np.ndarray:
    sent = [scenario.sent(scenario.world.rows_of(frame, day)) for day in days]
    return np.array([new.losses(rows).mean() - old.losses(rows).mean() for rows in sent])


def test_there_are_six_and_each_has_its_own_end():
    assert [s.name for s in CORE] == [
        "healthy-drift",
        "garbage-data",
        "worse-model",
        "canary-regression",
        "late-regression",
        "no-drift",
    ]
    assert len({s.expected for s in CORE}) == len(CORE)
    assert all(s.live_days <= 45 and s.teaches.endswith(".") for s in CORE)


def first_alert(scenario: Scenario) -> int | None:
    """Return the day on which the watch alerts, looking once a day."""
    project, world = scenario.project, scenario.world
    policy, lake = project.policies.watch, scenario.lake(scenario.frame())
    now = world.moment(LIVE)
    rows = lake.filter(pl.col("ts").is_between(now - project.policies.training.window, now))
    split = time_split(lake.filter(pl.col("ts") <= now), project, now)
    trained = train_model(project, split)
    model = Watched(project, trained.text, trained.card)
    reference = reference_of(model, rows, split)
    looks: list[Look] = []
    for within in whole_windows(reference.until, world.moment(world.days), policy.window):
        window = lake.lazy().filter(pl.col("ts").is_between(*within, closed="right"))
        looks.append(look_at(model, reference, WindowRows(window), within, looks))
        evidence = WatchEvidence(
            past=reference.looks,
            live=tuple(looks),
            features=tuple(f.name for f in reference.profile.features),
            calendar=reference.calendar,
            period_losses=np.array([]),
            holdout_loss=reference.holdout_loss,
            margin=project.policies.comparison.margin,
            since_run=None,
        )
        if judge_watch(evidence, policy).alert:
            return LIVE + len(looks)
    return None


@pytest.mark.parametrize("scenario", CORE, ids=lambda s: s.name)
def test_the_watch_alerts_on_a_day_that_these_tests_cover(scenario):
    day = first_alert(scenario)
    if scenario.expected is End.NOTHING:
        assert day is None
    else:
        visible = next(s for s in scenario.world.shifts if s.kind is ShiftKind.COVARIATE)
        assert 2 <= day - visible.from_day <= 4


def test_no_drift_expects_nothing_and_nothing_moves():
    scenario = BY_NAME["no-drift"]
    assert scenario.expected is End.NOTHING
    assert scenario.world.shifts == ()
    old = champion(scenario)
    rows = scenario.frame().slice(LIVE * scenario.world.rows_per_day)
    assert old.losses(rows).mean() < 1.05 * old.losses(old.split.holdout).mean()


def test_the_first_act_stays_below_what_the_watch_tolerates():
    scenario = BY_NAME["healthy-drift"]
    old, frame = champion(scenario), scenario.frame()
    before = old.losses(old.split.holdout).mean()
    rows = pl.concat([scenario.world.rows_of(frame, day) for day in range(LIVE, INPUTS)])
    rise = old.losses(rows).mean() / before - 1
    assert 0 < rise < 0.6 * loans.policies.watch.loss_tolerance
    late = pl.concat([scenario.world.rows_of(frame, day) for day in range(INPUTS, INPUTS + 10)])
    assert old.losses(late).mean() / before - 1 > 2 * loans.policies.watch.loss_tolerance


@pytest.mark.parametrize("day", TWO_ACTS)
def test_healthy_drift_makes_a_challenger_clearly_better(day):
    scenario = BY_NAME["healthy-drift"]
    old, new = champion(scenario), challenger(scenario, day)
    assert beats_base_rate(new)
    mean, error = holdout_difference(new, old)
    assert mean + 2 * error < 0.3 * MARGIN
    live = daily_difference(scenario, new, old, scenario.frame(), range(day, scenario.world.days))
    assert live.mean() < -3 * MARGIN
    assert live.max() < 0


@pytest.mark.parametrize("day", TWO_ACTS)
def test_garbage_fills_the_lake_beyond_the_limit_before_any_alert(day):
    scenario = BY_NAME["garbage-data"]
    now = scenario.world.moment(day)
    rows = scenario.lake(scenario.frame()).filter(pl.col("ts") <= now)
    known = pl.when(pl.col("ts") <= now - loans.roles.label_horizon).then("defaulted")
    rows, project = rows.with_columns(known), scenario.project
    split = split_rows(rows, project, now)
    last_learnt = champion(scenario).split.holdout["ts"].max()
    data = measure_data(rows, split, project, now, new_after=last_learnt)
    verdict = judge_validation(split, data, project, now, last_learnt)
    assert not verdict.passed
    assert "quarantined share" in verdict.reason


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5])
def test_wrong_labels_make_a_model_that_is_good_enough_and_worse(after):
    scenario = BY_NAME["worse-model"]
    day = int(scenario.world.shifts[0].from_day) + after
    old, new = champion(scenario), challenger(scenario, day)
    assert beats_base_rate(new)
    mean, error = holdout_difference(new, old)
    assert mean - 2 * error > 1.2 * MARGIN
    honest = scenario.frame().join(new.split.holdout.select("ts"), on="ts")
    assert honest["defaulted"].equals(new.split.holdout["defaulted"])


@pytest.mark.parametrize("day", TWO_ACTS)
def test_the_skew_hurts_only_the_model_that_needs_the_column(day):
    scenario = BY_NAME["canary-regression"]
    old, new = champion(scenario), challenger(scenario, day)
    assert beats_base_rate(new)
    mean, error = holdout_difference(new, old)
    assert mean + 2 * error < 0.3 * MARGIN
    frame = scenario.frame()
    live = daily_difference(scenario, new, old, frame, range(day, scenario.world.days))
    assert live.mean() > 2 * MARGIN
    assert live.mean() > 3 * live.std()
    rows = [scenario.world.rows_of(frame, d) for d in range(LIVE, LIVE + 10)]
    unharmed = [old.losses(of_a_day).mean() for of_a_day in rows]
    skewed = [old.losses(scenario.sent(of_a_day)).mean() for of_a_day in rows]
    assert abs(np.mean(skewed) - np.mean(unharmed)) < 0.3 * MARGIN


@pytest.mark.parametrize("day", TWO_ACTS)
def test_the_old_model_is_better_again_once_the_old_meaning_returns(day):
    scenario, promoted = BY_NAME["late-regression"], day + 12
    old, new = champion(scenario), challenger(scenario, day)
    back = promoted + scenario.revert_after_promotion_days
    frame = scenario.frame(promoted)
    good = daily_difference(scenario, new, old, frame, range(day, back))
    bad = daily_difference(scenario, new, old, frame, range(back, scenario.world.days))
    assert good.mean() < -3 * MARGIN
    assert bad.mean() > 2 * MARGIN
    assert bad.mean() > 2 * bad.std()


def test_a_promotion_changes_nothing_that_happened_before_the_reversal():
    scenario = BY_NAME["late-regression"]
    seam = (60 + scenario.revert_after_promotion_days) * scenario.world.rows_per_day
    before, after = scenario.frame(), scenario.frame(60)
    assert before.head(seam).equals(after.head(seam))
    assert before.drop("defaulted").equals(after.drop("defaulted"))
    assert not before.equals(after)
    assert BY_NAME["healthy-drift"].frame(60).equals(BY_NAME["healthy-drift"].frame())


@pytest.mark.parametrize("scenario", CORE, ids=lambda s: s.name)
def test_the_project_file_is_the_scenarios_project(scenario, tmp_path):
    path = tmp_path / "loans_scenario.py"
    path.write_text(project_file(scenario))
    loaded = load_project(str(path))
    assert loaded.name == f"loans-{scenario.name}"
    assert loaded.policies == scenario.project.policies
    assert loaded.trainer == scenario.project.trainer
    assert loaded.roles == loans.roles


def test_overrides_reach_the_project_and_only_what_they_name():
    changes = {"trainer": {"num_leaves": 3}, "monitor": {"periods": 20}}
    project = replace(BY_NAME["no-drift"], overrides=changes).project
    assert project.trainer == {**loans.trainer, "num_leaves": 3}
    assert project.policies.monitor == loans.policies.monitor.model_copy(update={"periods": 20})
    assert project.policies.canary == loans.policies.canary


@pytest.mark.parametrize("changes", [{"monitor": {"perods": 20}}, {"monitr": {"periods": 20}}])
def test_a_misspelt_override_is_refused(changes):
    with pytest.raises((ValueError, KeyError)):
        _ = replace(BY_NAME["no-drift"], overrides=changes).project
