from datetime import datetime, timedelta

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest

from sixgates.gates.baselines import last_label_losses
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles

T = datetime(2026, 1, 1)  # noqa: DTZ001 - naive UTC
BASE = np.array([[0.5]])
COLUMNS = ("t", "who", "x", "y", "told")


def project(task="binary", **roles):
    placed = {roles.get(name) for name in ("entity", "label_time")}
    return Project(
        name="toy",
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column() for c in COLUMNS}),
        roles=Roles(
            event_time="t", label="y", numeric=("x",),
            ignored=tuple({"who", "told"} - placed), **roles,
        ),
        loss="absolute_error" if task == "regression" else "brier",
        clip=100.0 if task == "regression" else None,
        policies=Policies.with_margin(0.01),
    )  # fmt: skip


def rows(days, who, labels, told=None):
    at = [T + timedelta(days=d) for d in days]
    seen = at if told is None else [T + timedelta(days=d) for d in told]
    return pl.DataFrame({"t": at, "who": who, "x": 0.0, "y": labels, "told": seen})


DAYS, WHO, LABELS = [0, 1, 2, 3, 4], ["a", "b", "a", "b", "a"], [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        # no entity, horizon 1 day: known strictly before day 4 are the labels of days 0 to 2
        ({"label_horizon": timedelta(days=1)}, [0.25, 0.25, 1, 1, 1]),
        # of the same entity; a row whose own label is the only one falls back on the base rate
        ({"label_horizon": timedelta(days=1), "entity": "who"}, [0.25, 0.25, 1, 1, 1]),
        # nothing is known in time
        ({"label_horizon": timedelta(days=9), "entity": "who"}, [0.25] * 5),
        # a horizon of nothing never lets a row answer itself
        ({"label_horizon": timedelta(0)}, [0.25, 1, 0, 1, 0]),
    ],
)
def test_the_last_label_that_was_known_answers(roles, expected):
    df = rows(DAYS, WHO, LABELS)
    found = last_label_losses(project(**roles), df, df, BASE)
    np.testing.assert_allclose(found, expected)


def test_label_times_say_what_was_known():
    df = rows(DAYS, WHO, LABELS, told=[9, 1, 3, 3, 4])
    found = last_label_losses(project(label_time="told"), df, df, BASE)
    # day 2 knows b's 0 of day 1; day 4 knows the labels told on day 3, the newest row's last
    np.testing.assert_allclose(found, [0.25, 0.25, 0, 1, 0])


def test_a_label_told_before_its_row_happened_counts_from_the_row():
    df = rows([0, 1], ["a", "a"], [1, 1], told=[0, 0])
    found = last_label_losses(project(label_time="told"), df, df, BASE)
    np.testing.assert_allclose(found, [0.25, 0])


def test_rows_keep_their_order():
    df = rows(DAYS, WHO, LABELS)
    one = project(label_horizon=timedelta(days=1))
    shuffled = df[[3, 0, 4, 2, 1]]
    expected = last_label_losses(one, df, df, BASE)[[3, 0, 4, 2, 1]]
    np.testing.assert_allclose(last_label_losses(one, df, shuffled, BASE), expected)


def test_several_classes_and_numbers_have_a_last_label_too():
    df = rows([0, 2, 4], ["a"] * 3, ["cat", "cat", "dog"])
    base = np.array([[0.5, 0.5]])
    one = project("multiclass", label_horizon=timedelta(days=1))
    found = last_label_losses(one, df, df, base, ("cat", "dog"))
    np.testing.assert_allclose(found, [0.25, 0, 1])
    df = rows([0, 2, 4], ["a"] * 3, [5.0, 7.0, 10.0])
    one = project("regression", label_horizon=timedelta(days=1))
    np.testing.assert_allclose(last_label_losses(one, df, df, np.array([[6.0]])), [1, 2, 3])
