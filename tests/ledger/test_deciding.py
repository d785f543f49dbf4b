"""One decision: the look at the record and the append, and an entry with its route."""
# ruff: noqa: DTZ001 - event time is naive UTC

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime

import pytest

from sixgates.gates.errors import ContractError
from sixgates.gates.governor import Refused
from sixgates.ledger import ledger as module
from sixgates.ledger.deciding import Draft, append_decided
from sixgates.ledger.ledger import Kind, LostRaceError
from sixgates.ledger.route import Route, Step, Version

AT = datetime(2026, 1, 1)
ROOT = os.fspath(module.__file__.rsplit("/sixgates/", 1)[0])
BEGUN = Draft(Kind.RUN, AT, "r2", "drift", {"trigger": "drift", "alert": None})
STOP = {"at": AT, "reason": "the feed is broken", "actor": "ann"}


def route(epoch, step=Step.CANARY):
    return Route("tiny", epoch, step, Version("1", "a"), None, "r1", AT, "sixgates", "because")


def stopped(entries, _routes):
    """Refuse where the line is stopped."""
    stops = [entry for entry in entries if entry.kind is Kind.STOPPED]
    return Refused(stops[-1].reason, None) if stops else None


def record(ledger):
    return [entry.kind for entry in ledger.entries("tiny")], [
        r.epoch for r in ledger.routes("tiny")
    ]


@pytest.fixture
def begun(ledger):
    ledger.append_route(route(1))
    return ledger


def test_an_entry_and_a_route_are_appended_together(begun):
    assert append_decided(begun, "tiny", entry=BEGUN, route=route(2), unless=stopped) is None
    assert record(begun) == ([Kind.RUN], [1, 2])
    (entry,) = begun.entries("tiny")
    assert (entry.release, entry.reason, entry.body, entry.actor) == (
        "r2", "drift", BEGUN.body, "sixgates",
    )  # fmt: skip
    assert append_decided(begun, "tiny", entry=BEGUN) is None
    assert begun.verify("tiny") == []


def test_what_the_record_speaks_against_is_not_appended_and_it_is_said_why(begun):
    begun.append("tiny", Kind.STOPPED, **STOP)
    held = append_decided(begun, "tiny", entry=BEGUN, route=route(2), unless=stopped)
    assert held == Refused("the feed is broken", None)
    assert record(begun) == ([Kind.STOPPED], [1])


def test_an_objection_sees_what_people_and_runs_did_and_every_route_oldest_first(begun):
    for kind in (Kind.RESUMED, Kind.VERDICT, Kind.STOPPED, Kind.RUN):
        begun.append("tiny", kind, at=AT, reason="so")
    seen = []
    append_decided(begun, "tiny", route=route(2), unless=lambda *known: seen.append(known))
    ((entries, routes),) = seen
    assert [entry.kind for entry in entries] == [Kind.RESUMED, Kind.STOPPED, Kind.RUN]
    assert routes == [route(1)]


def test_an_objection_may_be_more_than_a_refusal(begun):
    said = append_decided(begun, "tiny", entry=BEGUN, route=route(2), unless=lambda *_: "too late")
    assert said == "too late"
    assert record(begun) == ([], [1])


@pytest.mark.parametrize(("epoch", "error"), [(1, LostRaceError), (3, ContractError)])
def test_an_epoch_that_is_taken_or_does_not_follow_appends_nothing(begun, epoch, error):
    begun.append("tiny", Kind.STOPPED, **STOP)  # who lost the race is told so first
    with pytest.raises(error):
        append_decided(begun, "tiny", entry=BEGUN, route=route(epoch), unless=stopped)
    assert record(begun) == ([Kind.STOPPED], [1])


def test_a_stop_that_is_asked_for_during_the_look_comes_after_the_route(begun):
    looked, stopping = threading.Event(), threading.Event()

    def stop():
        looked.wait()
        stopping.set()
        begun.append("tiny", Kind.STOPPED, **STOP)

    def look(entries, routes):
        looked.set()
        stopping.wait()
        person.join(timeout=0.3)  # it would be on record by now, could it be
        assert person.is_alive()
        return stopped(entries, routes)

    person = threading.Thread(target=stop)
    person.start()
    assert append_decided(begun, "tiny", route=route(2), unless=look) is None
    person.join(timeout=30)
    assert record(begun) == ([Kind.STOPPED], [1, 2])
    appended = [json.loads(row)["table"] for row in begun.export("tiny")]
    assert appended[-2:] == ["routes", "entries"]
    held = append_decided(begun, "tiny", route=route(3), unless=stopped)
    assert held == Refused("the feed is broken", None)


DIE = """
import os, signal, sys
from sixgates.ledger import ledger
from tests.ledger.test_deciding import BEGUN, route

def die(*_given):
    os.kill(os.getpid(), signal.SIGKILL)

ledger.append_route = die
ledger.Ledger(sys.argv[1]).append_together("tiny", entry=BEGUN, route=route(2))
"""


def test_a_process_killed_between_the_entry_and_the_route_leaves_neither(url, begun):
    died = subprocess.run(
        [sys.executable, "-c", DIE, url], env={**os.environ, "PYTHONPATH": ROOT},
        check=False, timeout=60,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    assert record(begun) == ([], [1])
    assert append_decided(begun, "tiny", entry=BEGUN, route=route(2)) is None
    assert begun.verify("tiny") == []
