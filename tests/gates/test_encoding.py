import math
from datetime import date

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.card import Feature, ModelCard, RowError, Task, level_key
from sixgates.gates.encoding import category_levels, encode_frame, encode_rows, label_array
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles

VALUES = {
    pl.Float64: st.sampled_from([0.0, -0.0, 3.0, 2.5, 1e-7, 1e300, math.nan, math.inf]),
    pl.Float32: st.floats(width=32),
    pl.Int64: st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 4),
    pl.UInt8: st.integers(0, 4),
    pl.Boolean: st.booleans(),
    pl.String: st.sampled_from(["", "3", "3.0", "true", "north", "None", "nan"]),
    pl.Categorical: st.sampled_from(["", "b", "a"]),
    pl.Date: st.dates(date(2020, 1, 1), date(2020, 1, 3)),
    pl.Null: st.none(),
}
NUMERIC = [pl.Float64, pl.Float32, pl.Int64, pl.UInt8, pl.Boolean, pl.Null]


def card(features):
    return ModelCard("toy", "0" * 64, Task.BINARY, tuple(features), "t", None)


@st.composite
def frames(draw):
    rows = draw(st.integers(1, 12))
    columns, features = [], []
    for i in range(draw(st.integers(1, 4))):
        categorical = draw(st.booleans())
        dtype = draw(st.sampled_from(list(VALUES) if categorical else NUMERIC))
        values = draw(st.lists(st.none() | VALUES[dtype], min_size=rows, max_size=rows))
        columns.append(pl.Series(f"c{i}", values, dtype=dtype))
        seen = {k for v in values if (k := level_key(v)) is not None}
        levels = draw(st.lists(st.sampled_from(sorted(seen | {"else", "true"})), unique=True))
        features.append(Feature(f"c{i}", tuple(levels) if categorical else None))
    return pl.DataFrame(columns), card(draw(st.permutations(features)))


@given(frames())
def test_a_frame_is_read_as_the_gateway_reads_its_rows(drawn):
    df, model = drawn
    np.testing.assert_array_equal(encode_frame(model, df), encode_rows(model, df.to_dicts()))


def test_the_columns_come_in_the_order_of_the_card():
    df = pl.DataFrame({"a": [1, 2], "b": ["x", "y"], "unused": [0, 0]})
    model = card([Feature("b", ("y", "x")), Feature("a")])
    assert encode_frame(model, df).tolist() == [[1, 1], [0, 2]]


def test_no_rows_make_an_empty_matrix():
    df = pl.DataFrame(schema={"a": pl.Int64, "b": pl.String})
    assert encode_frame(card([Feature("a"), Feature("b", ("x",))]), df).shape == (0, 2)


@pytest.mark.parametrize("df", [pl.DataFrame({"b": [1]}), pl.DataFrame({"a": ["1"]})])
def test_an_absent_or_wrong_column_is_an_error_that_names_it(df):
    with pytest.raises(RowError, match="'a'"):
        encode_frame(card([Feature("a")]), df)


def test_category_levels_are_sorted_text_without_missing_ones():
    df = pl.DataFrame({"s": ["b", None, "a"], "f": [2.0, math.nan, 2.5], "t": [True, False, None]})
    levels = category_levels(df, ["s", "f", "t"])
    assert levels == {"s": ("a", "b"), "f": ("2", "2.5"), "t": ("False", "True")}


@given(frames())
def test_a_level_of_the_training_frame_is_never_unseen(drawn):
    df, _ = drawn
    levels = category_levels(df, df.columns)
    codes = encode_frame(card(Feature(c, levels[c]) for c in df.columns), df)
    for j, column in enumerate(df.columns):
        known = np.array([level_key(v) is not None for v in df[column].to_list()])
        assert not np.isnan(codes[known, j]).any()


def project(task):
    return Project(
        name="toy",
        task=task,
        contract=pa.DataFrameSchema({c: pa.Column() for c in ("t", "x", "y")}),
        roles=Roles(event_time="t", label="y", numeric=("x",), label_horizon="P1D"),
        loss="absolute_error" if task == "regression" else "brier",
        clip=1 if task == "regression" else None,
        policies=Policies.with_margin(0.01),
    )


@pytest.mark.parametrize("values", [[1, 0, 1], [True, False, True], [1.0, 0.0, 1.0]])
def test_binary_labels_become_numbers(values):
    labels = label_array(project("binary"), pl.DataFrame({"y": values}))
    assert labels.dtype == np.float64
    assert labels.tolist() == [1, 0, 1]


def test_a_missing_number_is_nan_and_a_missing_class_none():
    numbers = label_array(project("regression"), pl.DataFrame({"y": [1, None]}))
    np.testing.assert_array_equal(numbers, [1, np.nan])
    classes = label_array(project("multiclass"), pl.DataFrame({"y": ["a", None]}))
    assert classes.tolist() == ["a", None]


def test_classes_are_written_like_categories():
    labels = label_array(project("multiclass"), pl.DataFrame({"y": [2.0, 1.0, 2.0]}))
    assert labels.dtype.kind == "U"
    assert labels.tolist() == ["2", "1", "2"]


@pytest.mark.parametrize("values", [["yes", "no"], [1, 2], [0.5, None]])
def test_binary_labels_other_than_0_and_1_need_an_edit(values):
    with pytest.raises(ConfigurationError, match="'y'"):
        label_array(project("binary"), pl.DataFrame({"y": values}))
