"""Which requests are logged: evenly drawn, nested, and drawn apart from who answers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from sixgates.gates.log_sample import is_logged
from sixgates.gateway.split import is_beside, is_shadowed

N = 20_000
NAMES = ["{}", "order-{:08d}", "{:032x}", "{}@example.org"]
shares = st.floats(0, 1, exclude_min=True)


@given(st.text(max_size=40), shares, shares)
def test_a_wider_share_keeps_the_requests_of_a_narrower_one(request_id, one, other):
    narrow, wide = sorted((one, other))
    assert not is_logged(request_id, narrow) or is_logged(request_id, wide)
    assert is_logged(request_id, 1.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0004, 0.3, 0.9])
def test_as_many_are_logged_as_the_share_says(name, share):
    kept = sum(is_logged(name.format(i), share) for i in range(N))
    assert binomtest(kept, N, share).pvalue > 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("row", ["", "/0"], ids=["its own entity", "without an entity"])
def test_who_answers_and_who_is_shadowed_says_nothing_of_what_is_logged(name, row):
    requests = [name.format(i) for i in range(N)]
    logged = [is_logged(request, 0.3) for request in requests]
    for drawn in (is_beside, is_shadowed):
        other = [drawn("loans-r7", f"{request}{row}", 0.3) for request in requests]
        counts = [
            [sum((a, b) == (x, y) for a, b in zip(logged, other, strict=True)) for y in (0, 1)]
            for x in (0, 1)
        ]
        assert chi2_contingency(counts).pvalue > 1e-4


def test_which_requests_are_logged_is_the_same_on_every_machine_and_in_every_version():
    assert [i for i in range(20) if is_logged(f"order-{i}", 0.3)] == [0, 2, 5, 18]
