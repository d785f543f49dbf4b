import json
import math
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gateway.protocols.decoding import _by_nan, _by_text, decode

ANY = msgspec.json.Decoder()
TEXT = st.text('NaN"\\ab\n/é', max_size=12)
DOCUMENTS = st.recursive(
    st.just(math.nan) | TEXT | st.integers() | st.none() | st.booleans(),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(TEXT, one, max_size=4),
)


def without_nan(value):
    match value:
        case float():
            return None
        case list():
            return [without_nan(one) for one in value]
        case dict():
            return {name: without_nan(one) for name, one in value.items()}
    return value


@given(DOCUMENTS, st.booleans())
def test_nan_is_null_outside_of_text_and_nothing_else_changes(document, ascii_only):
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert decode(ANY, body) == without_nan(document)
    # Both ways must do, whichever would be chosen for so little.
    assert ANY.decode(_by_nan(body)) == ANY.decode(_by_text(body)) == without_nan(document)


@pytest.mark.parametrize("word", [b"NaN,", b'NaN,"', b'"NaN"', b'"\\NaN', b"N", b'\\"', b'"'])
def test_whatever_holds_nan_is_refused_in_linear_time(word):
    body = b"[NaN" + word * (2_000_000 // len(word))
    started = time.process_time()
    with pytest.raises(msgspec.DecodeError):
        decode(ANY, body)
    assert time.process_time() - started < 5
