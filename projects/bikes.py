"""How many bikes are rented in an hour (UCI Bike Sharing, Washington DC, 2011 and 2012).

The fleet grows and the seasons turn, so an old model is soon wrong. Give the file by `--data`.
"""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.policy import Policies, TrainingPolicy, WatchPolicy
from sixgates.gates.project import LossName, Project, Roles

# Weather comes scaled to 0..1.
scaled = pa.Column(pl.Float64, pa.Check.in_range(0, 1))
# Counts of rentals in one hour; null while the hour is not counted yet.
count = pa.Column(pl.Int64, pa.Check.in_range(0, 100_000), nullable=True)

contract = pa.DataFrameSchema(
    {
        "row_id": pa.Column(pl.Int64, pa.Check.ge(0)),
        "ts": pa.Column(pl.Datetime("us")),
        "season": pa.Column(pl.Int64, pa.Check.in_range(1, 4)),
        "yr": pa.Column(pl.Int64, pa.Check.in_range(0, 1)),
        "mnth": pa.Column(pl.Int64, pa.Check.in_range(1, 12)),
        "hr": pa.Column(pl.Int64, pa.Check.in_range(0, 23)),
        "holiday": pa.Column(pl.Int64, pa.Check.in_range(0, 1)),
        "weekday": pa.Column(pl.Int64, pa.Check.in_range(0, 6)),
        "workingday": pa.Column(pl.Int64, pa.Check.in_range(0, 1)),
        "weathersit": pa.Column(pl.Int64, pa.Check.in_range(1, 4)),
        "temp": scaled,
        "atemp": scaled,
        "hum": scaled,
        "windspeed": scaled,
        "casual": count,
        "registered": count,
        "target_cnt": count,
    },
)

project = Project(
    name="bikes",
    task=Task.REGRESSION,
    contract=contract,
    roles=Roles(
        event_time="ts",
        label="target_cnt",
        label_horizon=timedelta(days=1),
        # Ordered quantities stay numeric (hours, months, how bad the weather is); names of things
        # become categories.
        numeric=("mnth", "hr", "weathersit", "temp", "atemp", "hum", "windspeed"),
        categorical=("season", "weekday", "holiday", "workingday"),
        segments=("workingday",),
        # casual + registered = target_cnt: using them would be reading the answer. `yr` separates
        # past from future, so no model can have learnt what its newest value means.
        ignored=("row_id", "yr", "casual", "registered"),
    ),
    loss=LossName.ABSOLUTE_ERROR,
    # No hour's loss counts more than 500 rentals, half of the largest hour.
    clip=500.0,
    prediction_changes_outcome="no",
    policies=Policies.with_margin(
        # Rentals an hour: about 8 % of the loss of a fresh model.
        3.0,
        # The first model that passes gates 1 to 3 serves; later ones must pass all six.
        # Fifteen days of holdout are enough clusters here: each is one mean of about 24 hours, and
        # the t quantile allows for their small number. A longer holdout would only age the model.
        comparison={"cold_start": "serve", "min_clusters": 15},
        # Five months forget the season before last. Walked forward over the two years, the mean
        # absolute error is 38 from such a window, and 61 from all of the past.
        training=TrainingPolicy(
            window=timedelta(days=150), holdout_share=0.12, validation_share=0.08
        ),
        # A challenger that shows neither gain nor harm in a month makes room for a fresher one.
        canary={"deadline": timedelta(days=30)},
        # A day has 24 rows; a week has its weekend too.
        watch=WatchPolicy(window=timedelta(days=7), min_rows=100),
    ),
)
