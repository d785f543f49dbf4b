"""Whatever is done to the record of a model behind the ledger's back is found and named."""
# ruff: noqa: DTZ001 - event time is naive UTC

from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sixgates.gates.records import Arm
from sixgates.ledger.chain import GENESIS
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Beside, Route, Step, Version
from sixgates.ledger.verify import Fault
from tests.ledger.tampering import tamper

AT = datetime(2026, 1, 1, 2, 3, 4)
FIRST = Route(
    "tiny", 1, Step.COLD_START, Version("1", "a" * 64), None, "r0", AT, "somebody", "first"
)
SECOND = replace(
    FIRST, epoch=2, step=Step.SHADOW, release="r1",
    beside=Beside(Version("2", "b" * 64), Arm.CANARY, 0.1),
)  # fmt: skip
AWKWARD = {
    "figures": [0.1, 1e-9, 1e22, -0.0, 5e-324, 2**70, float("nan"), float("inf")],
    "words": {"zwölf": "naïve ☃ \x00 \ud800", "": None, "b": True, "a": [[], {}]},
    7: (1, 2),
    Kind.RUN: Kind.ALERT,
}


@pytest.fixture
def chained(ledger):
    """Return a ledger with six rows of one model, and two of another."""
    ledger.append("tiny", Kind.ALERT, at=AT, reason="1")
    ledger.append_route(FIRST)
    ledger.append("tiny", Kind.VERDICT, at=AT, reason="3", body=AWKWARD)
    ledger.append("other", Kind.RUN, at=AT, reason="1 of other")
    ledger.append_route(SECOND)
    ledger.append("tiny", Kind.PROOF, at=AT, reason="5", body={"share": 0.1})
    ledger.append_route(replace(FIRST, model="other"))
    ledger.append("tiny", Kind.ANSWER, at=AT, reason="6 \x00 \ud800 ünter", actor="ann")
    return ledger


def faults(ledger, model="tiny"):
    return [(v.position, str(v.fault)) for v in ledger.verify(model)]


def test_what_was_appended_is_sound(chained, url):
    assert [chained.verify(model) for model in chained.models()] == [[], []]
    assert chained.models() == ["other", "tiny"]
    assert chained.head("tiny").position == 6
    elsewhere = Ledger(url)
    assert elsewhere.verify("tiny") == []
    assert elsewhere.head("tiny") == chained.head("tiny")
    elsewhere.close()


def test_entries_and_routes_stand_in_one_line(chained):
    with chained._engine.connect() as connection:
        places = connection.execute(
            sa.text(
                "SELECT 'entry', position FROM entries WHERE model = 'tiny'"
                " UNION SELECT 'route', position FROM routes WHERE model = 'tiny' ORDER BY 2"
            )
        ).all()
    kinds = ["entry", "route", "entry", "route", "entry", "entry"]
    assert [tuple(place) for place in places] == list(zip(kinds, range(1, 7), strict=True))


def test_awkward_values_come_back_and_still_verify(chained):
    verdict = chained.entries("tiny", kind=Kind.VERDICT)[0]
    assert verdict.body["words"] == AWKWARD["words"]
    assert repr(verdict.body["figures"]) == repr(AWKWARD["figures"])
    assert (verdict.body["7"], verdict.body["run"]) == ([1, 2], "alert")
    assert chained.entries("tiny")[-1].reason == "6 ? ? ünter"


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("UPDATE entries SET reason = 'never said' WHERE model = 'tiny' AND position = 3", 3),
        ("UPDATE entries SET actor = 'bob' WHERE model = 'tiny' AND position = 1", 1),
        ("UPDATE entries SET body = '{\"share\": 0.2}' WHERE reason = '5'", 5),
        ("UPDATE entries SET body = 'no JSON' WHERE reason = '5'", 5),
        ("UPDATE entries SET at = '2026-01-01 02:03:05' WHERE reason = '5'", 5),
        ("UPDATE entries SET recorded = '1999-01-01 00:00:00' WHERE reason = '5'", 5),
        ("UPDATE entries SET kind = 'run' WHERE reason = '5'", 5),
        ("UPDATE entries SET seq = 77 WHERE reason = '5'", 5),
        ("UPDATE routes SET champion = '9' WHERE model = 'tiny' AND epoch = 1", 2),
        ("UPDATE routes SET share = 0.5 WHERE model = 'tiny' AND epoch = 2", 4),
        ("UPDATE routes SET share = NULL WHERE model = 'tiny' AND epoch = 2", 4),
        ("UPDATE routes SET epoch = 3 WHERE model = 'tiny' AND epoch = 2", 4),
    ],
)
def test_a_changed_row_is_found_where_it_stands(chained, change, position):
    tamper(chained, change)
    (violation,) = chained.verify("tiny")
    assert (violation.position, violation.fault) == (position, Fault.CHANGED)
    assert f"position {position}, or the row before it, is not what was" in violation.sentence
    assert chained.verify("other") == []


def test_a_changed_row_with_a_hash_of_its_own_breaks_the_next(chained):
    tamper(chained, f"UPDATE entries SET hash = '{'f' * 64}' WHERE reason = '3'")
    assert faults(chained) == [(3, "changed"), (4, "changed")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("DELETE FROM entries WHERE reason = '3'",), [(3, "missing")]),
        (("DELETE FROM entries WHERE reason = '1'",), [(1, "missing")]),
        (("DELETE FROM routes WHERE model = 'tiny'",), [(2, "missing"), (4, "missing")]),
        (("DELETE FROM entries WHERE reason IN ('5', '3')",), [(3, "missing"), (5, "missing")]),
        (("DELETE FROM entries WHERE actor = 'ann'",), [(6, "cut")]),
        (("DELETE FROM entries WHERE actor = 'ann' OR reason = '5'",), [(5, "cut")]),
        (("DELETE FROM entries", "DELETE FROM routes"), [(1, "cut")]),
        (("DELETE FROM heads",), [(6, "head")]),
        (("UPDATE heads SET position = 5",), [(6, "head")]),
        (("UPDATE heads SET position = 8",), [(7, "cut")]),
        (("UPDATE heads SET hash = 'ab'",), [(6, "head")]),
        (("DELETE FROM entries WHERE actor = 'ann'",
          "UPDATE heads SET position = 5"), [(5, "head")]),
        (("UPDATE entries SET model = 'other' WHERE reason = '3'",), [(3, "missing")]),
        (("UPDATE entries SET position = 2 WHERE reason = '3'",),
         [(2, "changed"), (2, "twice"), (3, "missing")]),
        (("UPDATE entries SET position = 0 WHERE reason = '1'",), [(0, "twice"), (1, "missing")]),
        (("UPDATE entries SET position = 9 WHERE actor = 'ann'",), [(6, "missing"), (9, "head")]),
        (("DELETE FROM entries", "DELETE FROM routes", "DELETE FROM heads"), [(0, "empty")]),
    ],
)  # fmt: skip
def test_rows_that_are_gone_or_moved_are_named(chained, change, expected):
    tamper(chained, *change)
    assert faults(chained) == expected


def test_one_row_and_several_are_told_apart_in_words(chained):
    tamper(chained, "DELETE FROM entries WHERE reason = '3' OR reason = '5' OR actor = 'ann'")
    assert [violation.sentence for violation in chained.verify("tiny")] == [
        "position 3 of tiny is missing",
        "positions 5 to 6 of tiny are cut off the end",
    ]


def test_rows_that_changed_places_are_found(chained):
    tamper(
        chained,
        "UPDATE entries SET position = -1 WHERE reason = '3'",
        "UPDATE entries SET position = 3 WHERE reason = '5'",
        "UPDATE entries SET position = 5 WHERE reason = '3'",
    )
    assert (3, "changed") in faults(chained)
    assert (5, "changed") in faults(chained)


def test_a_row_slipped_in_behind_the_end_is_found(chained):
    tamper(
        chained,
        "INSERT INTO routes SELECT 99, model, 3, step, champion, champion_digest, beside,"
        " beside_digest, arm, share, release, at, recorded, actor, reason, 7, hash"
        " FROM routes WHERE model = 'tiny' AND epoch = 1",
    )
    assert faults(chained) == [(7, "changed"), (7, "head")]


def test_sqlite_takes_any_value_in_any_column_and_none_hides(chained):
    if chained._engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps its types")
    tamper(
        chained,
        "UPDATE entries SET at = 'never', position = 'first' WHERE reason = '1'",
        "UPDATE entries SET body = x'00ff' WHERE reason = '3'",
        "UPDATE routes SET share = 'half' WHERE epoch = 2 AND model = 'tiny'",
    )
    assert faults(chained) == [(1, "missing"), (3, "changed"), (4, "changed"), (0, "twice")]


def test_nothing_recorded_is_nothing_sound(ledger):
    (violation,) = ledger.verify("nobody")
    assert (violation.fault, violation.sentence) == (
        Fault.EMPTY, "nothing is recorded about nobody",
    )  # fmt: skip
    assert ledger.models() == []
    assert ledger.head("nobody") is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET reason = 'x'",
        "DELETE FROM entries",
        "UPDATE routes SET champion = '9' WHERE epoch = 1",
        "DELETE FROM routes WHERE epoch = 2",
        "DELETE FROM heads",
    ],
)
def test_the_database_itself_refuses_a_change(chained, change):
    with (
        pytest.raises(DBAPIError, match="is append-only: append a new row instead"),
        chained._engine.begin() as connection,
    ):
        connection.execute(sa.text(change))
    assert chained.verify("tiny") == []


def test_postgresql_refuses_to_empty_a_table(new_postgres_url):
    ledger = Ledger(new_postgres_url)
    for table in ("entries", "routes", "heads"):
        with (
            pytest.raises(DBAPIError, match=f"{table} is append-only"),
            ledger._engine.begin() as connection,
        ):
            connection.execute(sa.text(f"TRUNCATE {table}"))
    ledger.close()


def test_an_append_that_fails_leaves_no_gap(ledger):
    ledger.append_route(FIRST)
    with pytest.raises(Exception, match="epoch"):
        ledger.append_route(FIRST)
    ledger.append("tiny", Kind.RUN, at=AT, reason="after")
    assert ledger.head("tiny").position == 2
    assert ledger.verify("tiny") == []
    assert GENESIS == "0" * 64
