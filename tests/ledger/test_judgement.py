"""What the newest tick made of a release: one row a model, and no part of the record."""
# ruff: noqa: DTZ001 - event time is naive UTC

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sixgates.gates.decision import Decision, Move
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, EValues, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Beside, Route, Step, Version

AT = datetime(2026, 1, 1)
ROUTE = Route(
    "tiny", 2, Step.CANARY, Version("1", "a"), Beside(Version("2", "b"), Arm.CANARY, 0.05),
    "r1", AT, "sixgates", "because",
)  # fmt: skip


def decision(n, move=Move.HOLD):
    e_values = EValues(promote=3.5, promote_at=20.0, rollback=0.25, rollback_at=100.0)
    check = Check("loss", Outcome.INCONCLUSIVE, 0.01, 0.02, n, f"{n} so far", e_values=e_values)
    return Decision(Verdict.of(Gate.CANARY, [check]), move, f"{n} so far")


def test_a_judgement_reads_back_whole_and_the_next_takes_its_place(ledger):
    assert ledger.judgement("tiny") is None
    for n in (10, 20):
        ledger.judge(ROUTE, AT + timedelta(hours=n), decision(n), (0.05, 0.25))
    ledger.judge(replace(ROUTE, model="other"), AT, decision(1, Move.PROMOTE), ())
    kept = ledger.judgement("tiny")
    assert (kept.epoch, kept.at, kept.decision, kept.shares) == (
        2, AT + timedelta(hours=20), decision(20), (0.05, 0.25),
    )  # fmt: skip
    assert abs(datetime.now(UTC).replace(tzinfo=None) - kept.recorded) < timedelta(minutes=1)
    assert ledger.judgement("other").decision.move is Move.PROMOTE


def test_a_judgement_is_no_part_of_the_record(ledger):
    ledger.append("tiny", Kind.RUN, at=AT, reason="first")
    before = ledger.head("tiny")
    ledger.judge(ROUTE, AT, decision(1), ())
    assert (ledger.head("tiny"), len(ledger.entries("tiny"))) == (before, 1)
    assert ledger.verify("tiny") == []


def test_the_newest_entries_of_some_kinds_come_first_and_no_more_than_were_asked_for(ledger):
    for n, kind in enumerate([Kind.RUN, Kind.PROOF, Kind.ALERT, Kind.RUN, Kind.PROOF]):
        ledger.append("tiny", kind, at=AT, reason=str(n))
    found = ledger.newest("tiny", {Kind.RUN, Kind.ALERT}, 2)
    assert [entry.reason for entry in found] == ["3", "2"]
    assert ledger.newest("tiny", {Kind.BREAKER}) == []


def test_routes_are_told_with_the_wall_time_at_which_they_were_recorded(ledger):
    ledger.append_route(replace(ROUTE, epoch=1))
    ((route, recorded),) = ledger.dated_routes("tiny")
    assert route == replace(ROUTE, epoch=1)
    assert abs(datetime.now(UTC).replace(tzinfo=None) - recorded) < timedelta(minutes=1)
