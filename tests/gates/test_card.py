import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.card import Feature, ModelCard, RowError, Task, level_key
from sixgates.gates.encoding import encode_rows

CARD = ModelCard(
    "tiny", "d", Task.BINARY, (Feature("age"), Feature("region", ("north", "south"))), "at", None
)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (3, "3"), (3.0, "3"), (3.5, "3.5"), (-0.0, "0"), ("3", "3"), ("north", "north"),
        (True, "True"), ("", ""), (None, None), (math.nan, None), (math.inf, "inf"),
    ],
)  # fmt: skip
def test_a_category_is_written_alike_wherever_it_comes_from(value, key):
    assert level_key(value) == key


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_are_one_category_as_integer_float_and_text(value):
    assert level_key(value) == level_key(float(value)) == level_key(str(value))


def test_rows_become_the_models_matrix():
    rows = [
        {"age": 40, "region": "south", "ignored": 1},
        {"age": 1.5, "region": "north"},
        {"age": None, "region": None},
        {"age": True, "region": "never seen"},
    ]
    expected = [[40, 1], [1.5, 0], [math.nan, math.nan], [1, math.nan]]
    assert np.array_equal(encode_rows(CARD, rows), expected, equal_nan=True)


def test_no_rows_are_an_empty_matrix():
    assert encode_rows(CARD, []).shape == (0, 2)


def test_a_feature_without_a_known_category_is_always_missing():
    card = ModelCard("tiny", "d", Task.BINARY, (Feature("region", ()),), "at", None)
    assert np.isnan(encode_rows(card, [{"region": "north"}])).all()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"age": 4}, "row 1 lacks the column 'region'"),
        ({"region": "north"}, "row 1 lacks the column 'age'"),
        ({"age": "old", "region": "north"}, "row 1, column 'age': 'old' is not a number"),
        ({"age": [4], "region": "north"}, "is not a number"),
        ({"age": 4, "region": ["north"]}, "row 1, column 'region': .* is no name of a category"),
        ({"age": 4, "region": {}}, "row 1, column 'region': {} is no name of a category"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(row, words):
    with pytest.raises(RowError, match=words):
        encode_rows(CARD, [{"age": 1, "region": "north"}, row])


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(RowError) as caught:
        encode_rows(CARD, [{"age": "x" * 10_000, "region": None}])
    assert len(str(caught.value)) < 120
