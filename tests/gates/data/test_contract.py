"""Rules may be asked of a column's ends, or different strings, first: the same rows are refused."""

import math
from datetime import datetime, timedelta

import pandera.polars as pa
import polars as pl
import pytest

from sixgates.gates.data import contract
from sixgates.gates.data.contract import RuleError, row_rules
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles


def refused(values, *checks, dtype=pl.Float64):
    """Return the places of `x` that each rule refuses, by its name."""
    column = pa.Column(dtype, list(checks), nullable=True)
    names = ("ts", "x", "y")
    project = Project(
        name="ranges", task="binary", loss=LossName.BRIER, policies=Policies.with_margin(0.01),
        contract=pa.DataFrameSchema({"ts": pa.Column(), "x": column, "y": pa.Column()}),
        roles=Roles(event_time="ts", label="y", numeric=("x",), label_horizon=timedelta(0)),
    )  # fmt: skip
    df = pl.DataFrame({name: [0] * len(values) for name in names})
    df = df.with_columns(pl.Series("x", values, dtype=dtype))
    return {name: found.arg_true().to_list() for name, found in row_rules(df, project)}


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (pa.Check.ge(0), [0, 5]),
        (pa.Check.gt(0), [0, 2, 5]),
        (pa.Check.le(7), [4]),
        (pa.Check.lt(7), [3, 4]),
        (pa.Check.in_range(0, 7), [0, 4, 5]),
        (pa.Check.in_range(0, 7, include_min=False, include_max=False), [0, 2, 3, 4, 5]),
    ],
)
def test_a_range_refuses_what_lies_outside_and_no_null(check, bad):
    values = [-1.0, None, 0.0, 7.0, math.inf, -math.inf, 3.0]
    assert refused(values, check) == {f"x: {check.error or check.name}": bad}


@pytest.mark.parametrize("values", [[0.0, 7.0, None], [None, None], []])
def test_a_range_that_holds_at_the_ends_refuses_nothing(values):
    assert refused(values, pa.Check.ge(0), pa.Check.le(7), pa.Check.in_range(0, 7)) == {}


def test_a_moment_that_python_cannot_hold_is_out_of_a_range():
    last = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
    times = pl.Series([0, 10**18]).cast(pl.Datetime("us"))
    assert list(refused(times, pa.Check.le(last), dtype=pl.Datetime("us")).values()) == [[1]]


def test_rules_that_are_no_ranges_are_asked_of_every_row():
    def no_five(data):
        return data.lazyframe.select(pl.col(data.key) != 5)

    named = pa.Check(no_five, name="greater_than", statistics={"min_value": 0})
    assert refused([1, 5, 9], named, dtype=pl.Int64) == {"x: greater_than": [1]}
    strict = pa.Check.ge(0, ignore_na=False)
    assert refused([1, None, 9], strict, dtype=pl.Int64) == {f"x: {strict.error}": [1]}


@pytest.mark.parametrize("name", sorted(contract._RANGES | contract._OF_STRINGS))
@pytest.mark.parametrize(
    "statistics", [None, {"limit": 5}, {"min_value": 9, "max_value": 1}, {"pattern": "("}]
)
def test_a_rule_of_ones_own_may_bear_the_name_of_panderas(name, statistics):
    def no_five(data, **_):
        return data.lazyframe.select(pl.col(data.key) != 5)

    own = pa.Check(no_five, name=name, statistics=statistics)
    assert refused([1, 5, 9], own, dtype=pl.Int64) == {f"x: {name}": [1]}


def test_a_range_of_another_kind_says_that_it_cannot_run():
    with pytest.raises(RuleError, match="could not run"):
        refused(["a", "b"], pa.Check.ge(0), dtype=pl.String)


@pytest.mark.parametrize("few", [0, 500])
@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (pa.Check.isin(["ab", "abc"]), [3, 4]),
        (pa.Check.notin(["ab"]), [0, 5]),
        (pa.Check.eq("ab"), [2, 3, 4]),
        (pa.Check.ne(""), [4]),
        (pa.Check.str_length(1, 2), [2, 3, 4]),
        (pa.Check.str_matches("^ab"), [3, 4]),
        (pa.Check.str_contains("c"), [0, 4, 5]),
        (pa.Check.str_startswith("a"), [3, 4]),
        (pa.Check.str_endswith("b"), [2, 3, 4]),
        (pa.Check.str_length(0, 9), []),
    ],
)
def test_a_rule_of_strings_refuses_the_same_rows_of_few_as_of_many(monkeypatch, few, check, bad):
    monkeypatch.setattr(contract, "_FEW", few)
    found = refused(["ab", None, "abc", "cab c", "", "ab"], check, dtype=pl.String)
    assert found == ({f"x: {check.error or check.name}": bad} if bad else {})


def test_a_string_that_comes_late_is_held_against_the_rule_too():
    values = ["a"] * 2_000 + [None, "b"]
    found = refused(values, pa.Check.isin(["a"]), dtype=pl.String)
    assert found == {"x: isin(['a'])": [2_001]}


def test_a_rule_of_strings_that_takes_no_null_refuses_it():
    strict = pa.Check.isin(["a"], ignore_na=False)
    assert refused(["a", None], strict, dtype=pl.String) == {f"x: {strict.error}": [1]}
