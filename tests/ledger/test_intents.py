"""What was about to be done outside, and what became of it."""
# ruff: noqa: DTZ001 - event time is naive UTC

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from sixgates.gates.errors import ContractError
from sixgates.ledger.ledger import Kind

AT = datetime(2026, 1, 1)


def test_an_intent_is_unfinished_until_it_is_closed(ledger):
    promote = ledger.intend(
        "tiny", "promote", at=AT, release="r1", body={"version": "2"}, reason="gate 5 passed"
    )
    alias = ledger.intend("tiny", "set aliases", at=AT)
    ledger.intend("other", "promote", at=AT)
    first, second = ledger.unfinished("tiny")
    assert (first.seq, first.kind, first.release, first.reason) == (
        promote, Kind.INTENT, "r1", "gate 5 passed",
    )  # fmt: skip
    assert first.body == {"action": "promote", "given": {"version": "2"}}
    assert (second.seq, second.reason) == (alias, "set aliases")

    later = AT + timedelta(minutes=1)
    closing = ledger.close_intent(promote, at=later, outcome="done", body={"epoch": 3})
    assert [intent.seq for intent in ledger.unfinished("tiny")] == [alias]
    (closed,) = ledger.entries("tiny", kind=Kind.CLOSED)
    assert (closed.seq, closed.release, closed.at) == (closing, "r1", later)
    assert closed.reason == "promote: done"
    assert closed.body == {"intent": promote, "outcome": "done", "given": {"epoch": 3}}
    assert len(ledger.unfinished("other")) == 1
    assert ledger.verify("tiny") == []


def test_closing_again_with_the_same_outcome_changes_nothing(ledger):
    intent = ledger.intend("tiny", "promote", at=AT)
    first = ledger.close_intent(intent, at=AT, outcome="done")
    assert ledger.close_intent(intent, at=AT + timedelta(days=1), outcome="done") == first
    assert len(ledger.entries("tiny", kind=Kind.CLOSED)) == 1


def test_closing_again_with_another_outcome_is_refused(ledger):
    intent = ledger.intend("tiny", "promote", at=AT)
    ledger.close_intent(intent, at=AT, outcome="done")
    said = rf"intent {intent} of tiny was closed as 'done' and cannot be closed as 'undone'"
    with pytest.raises(ContractError, match=said):
        ledger.close_intent(intent, at=AT, outcome="undone")
    assert ledger.unfinished("tiny") == []


@pytest.mark.parametrize("other", [0, 1, 99])
def test_what_is_no_intent_cannot_be_closed(ledger, other):
    ledger.append("tiny", Kind.RUN, at=AT, reason="no intent")
    with pytest.raises(ContractError, match=f"entry {other} is no intent"):
        ledger.close_intent(other, at=AT, outcome="done")


def test_of_many_that_finish_one_intent_one_closing_is_recorded(ledger):
    intent = ledger.intend("tiny", "promote", at=AT)
    closings = []
    threads = [
        threading.Thread(
            target=lambda: closings.append(ledger.close_intent(intent, at=AT, outcome="done"))
        )
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    (closed,) = ledger.entries("tiny", kind=Kind.CLOSED)
    assert closings == [closed.seq] * 10


def test_an_intent_whose_closing_is_not_indexed_counts_as_open_and_never_the_other_way(ledger):
    intent = ledger.intend("tiny", "promote", at=AT)
    ledger.close_intent(intent, at=AT, outcome="done")
    with ledger._engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM closings"))
    assert [found.seq for found in ledger.unfinished("tiny")] == [intent]
    assert ledger.verify("tiny") == []
