import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sixgates.gates.message import checked
from sixgates.gates.verdict import (
    Check,
    EValues,
    Gate,
    Outcome,
    Verdict,
    at_least,
    at_most,
    number,
    numbers,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
e_values = st.builds(
    EValues, st.none() | finite, st.none() | finite, st.none() | finite, rollback_at=finite
)
checks = st.builds(
    Check,
    name=st.text(),
    outcome=st.sampled_from(Outcome),
    seen=st.none() | finite,
    required=st.none() | finite,
    n=st.integers(0, 10**9),
    sentence=st.text(),
    muted=st.booleans(),
    e_values=st.none() | e_values,
)


@pytest.mark.parametrize("judge", [at_most, at_least])
@pytest.mark.parametrize("seen", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_by_name(judge, seen):
    check = judge("loss", seen, 0.4, 100)
    assert check.outcome is Outcome.FAIL
    assert check.seen is None
    assert check.sentence.startswith("loss ")


@pytest.mark.parametrize("judge", [at_most, at_least])
@pytest.mark.parametrize("limit", [None, math.nan, math.inf, -math.inf])
def test_without_a_limit_nothing_passes(judge, limit):
    check = judge("loss", 0.1, limit, 100)
    assert check.outcome is Outcome.FAIL
    assert "no limit set" in check.sentence


@given(seen=finite, limit=finite)
def test_a_limit_is_kept_on_its_own_side_and_equality_passes(seen, limit):
    assert (at_most("x", seen, limit, 1).outcome is Outcome.PASS) == (seen <= limit)
    assert (at_least("x", seen, limit, 1).outcome is Outcome.PASS) == (seen >= limit)


def _read(written):
    return float(written.replace(",", ""))


@given(seen=finite, limit=finite | st.floats(-1e4, 1e4), near=st.booleans())
def test_figures_that_differ_are_written_so_and_equal_ones_alike(seen, limit, near):
    seen = math.nextafter(limit, seen) if near else seen
    one, other = numbers(seen, limit)
    assert (_read(one) < _read(other)) == (seen < limit)
    assert (_read(one) == _read(other)) == (seen == limit)


@pytest.mark.parametrize(
    ("seen", "limit", "sentence"),
    [
        (0.40001, 0.4, "brier 0.40001 > limit 0.4 (n = 9)"),
        (0.1 + 0.2, 0.3, "brier 0.30000000000000004 > limit 0.3 (n = 9)"),
        (1000.4, 1000, "brier 1,000.4 > limit 1,000 (n = 9)"),
        (1e9 + 1, 1e9, "brier 1000000001 > limit 1000000000 (n = 9)"),
        (0.4, 0.4, "brier 0.4 <= limit 0.4 (n = 9)"),
        (0.412345, 0.4, "brier 0.4123 > limit 0.4 (n = 9)"),
    ],
)
def test_a_check_shows_by_how_much_a_limit_is_passed(seen, limit, sentence):
    check = at_most("brier", seen, limit, 9)
    assert check.sentence == sentence
    assert checked(check) == sentence


def test_figures_that_are_far_apart_are_written_as_each_alone():
    values = (0.412345, 8210, 12345.6, 2.75e27)
    assert numbers(*values) == [number(value) for value in values]
    assert numbers(None, 0.5, math.nan, unknown="-") == ["-", "0.5", "nan"]
    assert numbers(-0.0, 0.0) == ["0", "0"]


@given(seen=finite, limit=finite, step=st.floats(0, 1e6))
def test_tightening_a_limit_never_turns_fail_into_pass(seen, limit, step):
    if at_most("x", seen, limit, 1).outcome is Outcome.FAIL:
        assert at_most("x", seen, limit - step, 1).outcome is Outcome.FAIL
    if at_least("x", seen, limit, 1).outcome is Outcome.FAIL:
        assert at_least("x", seen, limit + step, 1).outcome is Outcome.FAIL


@given(st.lists(checks, min_size=1), st.sampled_from(Gate))
def test_the_worst_check_decides(found, gate):
    heard = [check for check in found if not check.muted]
    assume(heard)
    outcomes = {check.outcome for check in heard}
    verdict = Verdict.of(gate, found)
    assert verdict.checks == tuple(found)
    assert verdict.passed == (outcomes == {Outcome.PASS})
    assert (verdict.outcome is Outcome.FAIL) == (Outcome.FAIL in outcomes)
    assert verdict.reason == "; ".join(c.sentence for c in heard if c.outcome is verdict.outcome)


@given(st.lists(checks), st.sampled_from(Gate))
def test_a_verdict_survives_storage(found, gate):
    verdict = Verdict.of(gate, found)
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


def test_nothing_checked_is_a_refusal():
    assert Verdict.of(Gate.COMPARE, []).outcome is Outcome.FAIL
    muted = Check("slow answers", Outcome.PASS, 0.0, 0.1, 9, "muted: slow answers", muted=True)
    verdict = Verdict.of(Gate.CANARY, [muted])
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, "nothing was checked")
    assert muted in verdict.checks


@pytest.mark.parametrize("field", ["muted", "e_values"])
def test_a_verdict_stored_before_checks_had_a_field_still_loads(field):
    verdict = Verdict.of(Gate.CANARY, [Check("loss", Outcome.PASS, 0.0, 0.1, 9, "loss 0")])
    stored = verdict.to_dict()
    for check in stored["checks"]:
        del check[field]
    assert Verdict.from_dict(stored) == verdict


def test_the_gates_are_walked_in_one_order():
    assert [gate.number for gate in Gate] == [1, 2, 3, 4, 5, 6]
