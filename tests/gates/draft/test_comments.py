"""Text of the data in the draft: whatever a column or a value is called, Python reads it back."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.draft.comments import quoted

ODD = "\"'\\nux0{}\n\r\t\x00\x7f\x85\xa0é\u2028\u200b\ufeff\U0001f600\U000e0001\ud83d\ude00"


@given(st.text(st.characters()) | st.text(st.sampled_from(ODD)))
def test_a_literal_is_the_text_in_one_line_of_double_quotes(text):
    literal = quoted(text)
    assert ast.literal_eval(literal) == text
    assert literal.isprintable()
    assert literal[0] == literal[-1] == '"'


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("Größe 😀", '"Größe 😀"'),
        ("it's", '"it\'s"'),
        ("😀\n", r'"😀\n"'),
        ("tag \U000e0001", r'"tag \U000e0001"'),
    ],
)
def test_what_can_be_read_stays_readable(text, literal):
    assert quoted(text) == literal
