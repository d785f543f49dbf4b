import math
import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.card import Feature, ModelCard, RowError, Task
from sixgates.gates.row_reader import Columns, RowReader, Table, chosen

FEATURES = (Feature("age"), Feature("region", ("north", "south")), Feature("spend"))
CARD = ModelCard("tiny", "d", Task.BINARY, FEATURES, "at", None)


def unpacked(packed):
    return [list(row) for row in struct.iter_unpack("3d", packed)]


def test_rows_by_place_and_by_name_are_packed_alike():
    columns = Columns(["of no meaning", "spend", "region", "age"])
    rows = [["x", 2.5, "south", 40], [None, None, "never seen", True]]
    records = [dict(zip(columns.names, row, strict=True)) for row in rows]
    reader = RowReader(CARD)
    packed = reader.pack(rows, columns)
    assert packed == reader.pack(records)
    assert unpacked(packed)[0] == [40.0, 1.0, 2.5]
    assert [str(value) for value in unpacked(packed)[1]] == ["1.0", "nan", "nan"]


@given(st.lists(st.none() | st.integers(0, 3) | st.sampled_from(["0", "1", "2", "north", ""])))
def test_a_category_is_read_alike_alone_and_among_others(values):
    card = ModelCard("tiny", "d", Task.BINARY, (Feature("kind", ("0", "1", "north")),), "at", None)
    reader, columns = RowReader(card), Columns(["kind"])
    rows = [[value] for value in values]
    assert reader.pack(rows, columns) == b"".join(reader.pack([row], columns) for row in rows)


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats() | st.integers(-(2**60), 2**60) | st.booleans(),
            st.none() | st.sampled_from(["north", "south", "west", 3, 2.5]),
            st.floats(),
        )
    ),
    st.randoms(),
)
def test_a_table_is_packed_as_its_rows(rows, rng):
    reader, names = RowReader(CARD), ("age", "region", "spend")
    columns = {name: [row[j] for row in rows] for j, name in enumerate(names)}
    table = Table(len(rows), {**columns, "more": [*range(len(rows))]})
    assert reader.pack(table) == reader.pack(rows, Columns(names))
    wanted = [i for i in range(len(rows)) if rng.random() < 0.5]
    assert reader.pack(chosen(table, wanted)) == reader.pack(
        [rows[i] for i in wanted], Columns(names)
    )
    columns["spend"] = array("d", [row[2] for row in rows])
    assert reader.pack(Table(len(rows), {**table.columns, **columns})) == reader.pack(table)


def test_what_a_table_lacks_or_holds_in_vain_is_named():
    columns = {"age": [1, 2], "region": ["north", "south"], "spend": [1.0, "much"]}
    with pytest.raises(RowError, match="row 1, column 'spend': 'much' is not a number"):
        RowReader(CARD).pack(Table(2, columns))
    with pytest.raises(RowError, match=r"row 1, column 'region': \[\] is no name of a category"):
        RowReader(CARD).pack(Table(2, {**columns, "region": ["north", []]}))
    del columns["age"]
    with pytest.raises(RowError, match="row 0 lacks the column 'age'"):
        RowReader(CARD).pack(Table(2, columns))


@pytest.mark.parametrize("one", [["age", "region"], ["spend", "region"]])
def test_columns_without_a_feature_are_refused_by_name(one):
    with pytest.raises(RowError, match=r"row 0 lacks the column '(spend|age)'"):
        RowReader(CARD).pack([[1, "north"]], Columns(one))


def test_a_column_named_twice_is_refused():
    with pytest.raises(RowError, match="twice"):
        Columns(["age", "age"])


def test_the_row_and_the_column_of_what_is_no_number_are_named():
    columns = Columns(["age", "region", "spend"])
    with pytest.raises(RowError, match="row 1, column 'spend': 'much' is not a number"):
        RowReader(CARD).pack([[1, "north", 2], [None, None, "much"]], columns)


def test_ever_new_lists_of_columns_do_not_fill_the_memory():
    reader = RowReader(CARD)
    for i in range(2_000):
        reader.pack([[1, "north", 2, 0]], Columns(["age", "region", "spend", str(i)]))
    assert len(reader._picks) <= 256


def test_a_model_of_one_feature_is_packed_too():
    card = ModelCard("tiny", "d", Task.BINARY, (Feature("age"),), "at", None)
    assert struct.unpack("d", RowReader(card).pack([{"age": 3}])) == (3.0,)
    assert math.isnan(struct.unpack("d", RowReader(card).pack([{"age": math.nan}]))[0])
