"""Census rows of Massachusetts: inputs drift loudly, and there is nothing to gain by a retrain."""

from datetime import datetime, timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from sixgates.adapters.lake.source import WindowRows
from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.observing import look_at
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.card import Task
from sixgates.gates.drift.windows import whole_windows
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.policy import Policies, TriggerPolicy, WatchPolicy
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.timesplit import time_split
from sixgates.gates.watch import WatchEvidence, judge_watch

FILE = Path(__file__).parents[2] / "../shared/data/acs_employment_ma.parquet"
LABEL, START, A_DAY = "target_employed", datetime(2020, 1, 1), 4_000  # noqa: DTZ001 - naive UTC
TRAINED_ON = 25
"""Days: rows of 2015 and half of 2016."""
COST = 0.005 * A_DAY * 30
"""Of a retrain: as much as a rise of the Brier score by half a hundredth, over 30 days."""
DELAY = timedelta(days=1)
"""After which a label is known."""
FEATURES = (
    "SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG", "MIL", "ANC", "NATIVITY", "DEAR", "DEYE",
    "DREM", "SEX", "RAC1P",
)  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    if not FILE.exists():
        pytest.skip(f"{FILE} is not there: the real data is not part of the project")
    df = pl.read_parquet(FILE).sort("row_id")
    since = pl.int_range(pl.len()) * (86_400_000_000 // A_DAY)
    return df.with_columns(ts=pl.lit(START) + pl.duration(microseconds=since))


def project_with(trigger):
    return Project(
        name="acs",
        task=Task.BINARY,
        contract=pa.DataFrameSchema({c: pa.Column() for c in ["ts", "AGEP", *FEATURES, LABEL]}),
        roles=Roles(
            event_time="ts", label=LABEL, label_horizon=DELAY, numeric=("AGEP",),
            categorical=FEATURES,
        ),
        loss=LossName.BRIER,
        policies=Policies.with_margin(0.005, watch=WatchPolicy(trigger=trigger)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def seen(rows):
    """What the watch sees of one champion, day by day, to the end of the rows."""
    project = project_with(TriggerPolicy(on="drift"))
    now = START + timedelta(days=TRAINED_ON)
    known = rows.filter(pl.col("ts") <= now)
    split = time_split(known, project, now)
    trained = train(project, split)
    model = Watched(project, trained.text, trained.card)
    reference = reference_of(model, known, split)
    losses = row_losses(
        project, label_array(project, rows), predict(model.text, model.card, rows), None
    )
    found, looks = [], []
    for start, end in whole_windows(
        reference.until, rows["ts"].max(), project.policies.watch.window
    ):
        within = WindowRows(rows.lazy().filter(pl.col("ts").is_between(start, end, closed="right")))
        looks.append(look_at(model, reference, within, (start, end), looks))
        matured = ((rows["ts"] > reference.until) & (rows["ts"] <= end - DELAY)).to_numpy()
        daily = losses[matured][: matured.sum() // A_DAY * A_DAY].reshape(-1, A_DAY).mean(axis=1)
        found.append(
            WatchEvidence(
                past=reference.looks, live=tuple(looks), features=project.roles.features,
                calendar=reference.calendar, period_losses=daily,
                holdout_loss=reference.holdout_loss,
                margin=project.policies.comparison.margin, since_run=None,
            )
        )  # fmt: skip
    return found


def reports(seen, **trigger):
    policy = project_with(TriggerPolicy(**trigger)).policies.watch
    return [judge_watch(evidence, policy) for evidence in seen]


def test_loud_drift_alerts_and_cost_benefit_asks_for_no_retrain(seen):
    by_drift = reports(seen, on="drift")
    assert len(by_drift) > 40
    assert sum(report.asks for report in by_drift) > 20
    assert any("RELP" in report.features for report in by_drift)
    by_benefit = reports(seen, on="cost-benefit", retrain_cost=COST)
    assert [r.alert for r in by_benefit] == [r.alert for r in by_drift]
    assert not any(report.asks for report in by_benefit)
