"""A row is turned into what both databases give back, or refused."""
# ruff: noqa: DTZ001 - event time is naive UTC

import json
import math
from datetime import UTC, datetime

import pytest

from sixgates.gates.errors import ContractError
from sixgates.ledger.entry import Kind
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.stored import as_stored


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Kind.RUN, "run"),
        ("nul \x00, half \ud800, whole ☃", "nul ?, half ?, whole ☃"),
        (0.05, 0.05),
        (None, None),
        (datetime(2026, 1, 1, microsecond=1), datetime(2026, 1, 1, microsecond=1)),
    ],
)
def test_a_value_is_what_it_reads_back_as(given, expected):
    assert as_stored({"x": given}) == {"x": expected}


def test_there_is_no_negative_zero():
    assert math.copysign(1, as_stored({"share": -0.0})["share"]) == 1


def test_a_body_keeps_its_order_and_its_odd_figures():
    body = {"b": float("inf"), "a": [float("nan")]}
    assert as_stored({"body": body})["body"] == '{"b": Infinity, "a": [NaN]}'
    assert list(json.loads(as_stored({"body": body})["body"])) == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("at", datetime(2026, 1, 1, tzinfo=UTC), "at .* has a time zone: event time is naive UTC"),
        ("share", float("nan"), "share nan cannot be recorded"),
        ("share", float("inf"), "share inf cannot be recorded"),
        ("body", {"x": object()}, "body cannot be recorded as JSON"),
        ("body", {(1, 2): 1}, "body cannot be recorded as JSON"),
    ],
)
def test_what_no_database_keeps_is_refused(name, value, said):
    with pytest.raises(ContractError, match=said):
        as_stored({name: value})


def test_what_is_refused_takes_no_place_in_the_chain(ledger: Ledger):
    with pytest.raises(ContractError):
        ledger.append("tiny", Kind.RUN, at=datetime(2026, 1, 1, tzinfo=UTC), reason="zoned")
    assert ledger.head("tiny") is None
