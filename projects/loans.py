"""Who will default on a small loan: the simulated project that the rehearsals run on.

The data comes from `simulation.world`; a rehearsal writes it to a file and gives that by `--data`.
"""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.policy import (
    CanaryPolicy,
    ComparisonPolicy,
    MonitorPolicy,
    Policies,
    TrainingPolicy,
    ValidationPolicy,
    WatchPolicy,
)
from sixgates.gates.project import LossName, Project, Roles

# What a row must look like. A row that breaks a rule is quarantined, not dropped in silence.
# NaN passes ">=", so every numeric rule has an upper bound as well: NaN fails "<=".
contract = pa.DataFrameSchema(
    {
        "customer": pa.Column(pl.String, pa.Check.str_length(min_value=1)),
        "ts": pa.Column(pl.Datetime("us")),
        "income": pa.Column(pl.Float64, pa.Check.in_range(0, 10_000_000)),
        "debt_ratio": pa.Column(pl.Float64, pa.Check.in_range(0, 1.5)),
        "utilisation": pa.Column(pl.Float64, pa.Check.in_range(0, 1)),
        "age": pa.Column(pl.Float64, pa.Check.in_range(18, 120)),
        "inquiries": pa.Column(pl.Float64, pa.Check.in_range(0, 60)),
        "region": pa.Column(pl.String, pa.Check.isin(["north", "east", "south", "west"])),
        "product": pa.Column(pl.String, pa.Check.isin(["card", "car", "home", "cash"])),
        # Null while the outcome is not known yet.
        "defaulted": pa.Column(pl.Int8, pa.Check.isin([0, 1]), nullable=True),
    },
)

policies = Policies(
    # The feed is our own, so one row in fifty that breaks a rule is already too many.
    validation=ValidationPolicy(min_rows=1_000, max_quarantined_share=0.02),
    # Twelve days of some 400 rows: enough for a small model, and short enough that a few days of
    # a new world change it.
    training=TrainingPolicy(window=timedelta(days=12)),
    # A Brier score 0.01 higher is the most we would give away; it is about 6 % of the loss here.
    comparison=ComparisonPolicy(margin=0.01, cold_start="serve"),
    # Five matured days of pairs before the canary answers anybody. Shares that would take longer
    # than two days to show 20 requests (here 1 %) are left out.
    canary=CanaryPolicy(margin=0.01, min_periods=5, max_stage=timedelta(days=2)),
    # Twelve matured days of watch, so that a regression of the first week is seen in time.
    monitor=MonitorPolicy(periods=12),
    # A loss up to a quarter higher is left to the inputs to explain: a day of 400 rows swings the
    # Brier score by 5 %.
    # Twelve training windows are a young history: a false alert in a hundred days is the price of
    # an alert within three or four.
    watch=WatchPolicy(loss_tolerance=0.25, run_length=100),
)

project = Project(
    name="loans",
    task=Task.BINARY,
    contract=contract,
    roles=Roles(
        event_time="ts",
        label="defaulted",
        # A customer always meets the same arm, and counts once in the comparison.
        entity="customer",
        # Every outcome is known two days later: unusually quick, so that a rehearsal is short.
        label_horizon=timedelta(days=2),
        numeric=("income", "debt_ratio", "utilisation", "age", "inquiries"),
        categorical=("region", "product"),
        # No region may pay for a gain elsewhere.
        segments=("region",),
    ),
    loss=LossName.BRIER,
    # A simplification: every applicant is granted the loan, so both models can be scored on every
    # outcome. With real loans a refusal hides the outcome, and this would be "yes".
    prediction_changes_outcome="no",
    # Few rows and a nearly linear world: a small, slow model.
    trainer={"num_leaves": 8, "learning_rate": 0.05},
    policies=policies,
)
