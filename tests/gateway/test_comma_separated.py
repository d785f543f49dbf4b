import numpy as np
import pytest

from sixgates.gates.card import Feature, ModelCard, Task
from sixgates.gates.encoding import encode_rows
from sixgates.gateway.protocols.comma_separated import read_csv
from sixgates.gateway.protocols.protocol import MAX_ROWS, Refusal

FEATURES = (Feature("age"), Feature("grade", ("1", "2", "10")), Feature("open", ("False", "True")))
CARD = ModelCard("churn", "", Task.BINARY, FEATURES, "when", "customer")
HEADER = b"age,grade,open,customer,when,note\n"


def read(body):
    return read_csv(body, CARD, "q", 9.0)


def test_a_table_is_read_with_the_cards_types():
    question = read(HEADER + b'30,10,True,007,2026-05-01 09:30:00,"a ""b"", c"\n,,,,,\n')
    first, second = question.rows
    assert first == {"age": 30.0, "grade": "10", "open": "True", "customer": "007",
                     "when": "2026-05-01 09:30:00"}  # fmt: skip
    assert set(second.values()) == {None}
    assert question.units == ["007", "q/1"]
    assert question.ats == [1777627800.0, 9.0]


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        (b"1.5,2,False", (1.5, 1, 0)),
        (b"1e3,2.0,True", (1000, 1, 1)),
        (b'" 7 ","2","True"', (7, 1, 1)),
        (b"true,3,perhaps", (1, np.nan, np.nan)),
        (b"FALSE,two,", (0, np.nan, np.nan)),
        (b"nan,nan,nan", (np.nan, np.nan, np.nan)),
        (b"NaN,,", (np.nan, np.nan, np.nan)),
    ],
)
def test_a_field_means_what_the_same_value_means_in_json(fields, codes):
    matrix = encode_rows(CARD, read(b"age,grade,open\n" + fields).rows)
    np.testing.assert_array_equal(matrix, [codes])


@pytest.mark.parametrize("text", ["old", "1_000", "inf", "-Infinity", "1e999", "0x1f"])
def test_what_is_no_finite_number_is_refused_by_name(text):
    rows = read(b"age,grade,open\n" + text.encode() + b",1,True").rows
    with pytest.raises(ValueError, match=r"row 0, column 'age': .* is not a number"):
        encode_rows(CARD, rows)


def test_seconds_and_text_are_event_times():
    ats = read(b"when\n1700000000\n1700000000.5\n1970-01-01T00:00:06Z\n").ats
    assert ats == [1_700_000_000.0, 1_700_000_000.5, 6.0]


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbfage\r\n30\r\n", b"age\n\n30\n\n", b"age\r30\r", b'"age"\n"30"']
)
def test_marks_line_ends_and_empty_lines_mean_nothing(body):
    assert read(body).rows == [{"age": 30.0}]


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, b"", "holds no rows"),
        (400, b"age\n", "holds no rows"),
        (400, b"age,age\n1,2", "the header line names a column twice"),
        (400, b"age,when\n1", "row 0 has 1 values for 2 columns"),
        (400, b"age\n1\n1,2", "row 1 has 2 values for 1 columns"),
        (400, b'age\n"1', "the body is not CSV in UTF-8: unexpected end of data"),
        (400, b'age\n"1"2', "the body is not CSV in UTF-8"),
        (400, b"age\n" + b"1" * 200_000, "field larger than field limit"),
        (400, b"age\n\xff", "can't decode byte 0xff"),
        (400, b"when\nsoon", "row 0, column 'when': 'soon' is neither ISO 8601"),
        (400, b"when\ninf", "row 0, column 'when': 'inf' is neither ISO 8601"),
        (413, b"age\n" + b"1\n" * (MAX_ROWS + 1), "rows in one request"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(status, body, sentence):
    with pytest.raises(Refusal, match=sentence) as refused:
        read(body)
    assert refused.value.status == status
