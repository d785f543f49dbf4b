"""What was sent away before is known by its digest."""

from datetime import datetime

import pytest

from sixgates.gates.records import Arm
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.refused import refused_before
from sixgates.ledger.route import Beside, Route, Step, Version

NOW = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
OLD, NEW = Version("1", "old"), Version("2", "new")


def entry(kind, run, **body):
    return Entry(1, "tiny", kind, run, NOW, NOW, "sixgates", "too slow", body)


def judged(run, digest):
    return entry(Kind.VERDICT, run, inputs={"model": digest})


def ended(run, ending):
    return entry(Kind.ANSWER, run, ending=ending)


def route(epoch, step, champion, beside=None, release="r1"):
    trial = Beside(beside, Arm.CANARY, 0.0) if beside else None
    return Route("tiny", epoch, step, champion, trial, release, NOW, "sixgates", "it did harm")


SHADOWED = [route(1, Step.COLD_START, OLD, release="r0"), route(2, Step.SHADOW, OLD, NEW)]
PROMOTED = [*SHADOWED, route(3, Step.PROMOTED, NEW, OLD)]


@pytest.mark.parametrize("gate", ["evaluate", "compare", "canary"])
def test_a_digest_that_a_gate_refused_is_known_with_the_reason(gate):
    entries = [judged("r1", "new"), ended("r1", f"refused at {gate}")]
    assert refused_before(entries, [], "new", run="r2") == f"refused at {gate} in run r1: too slow"
    assert refused_before(entries, [], "other", run="r2") is None
    assert refused_before(entries, [], "new", run="r1") is None


@pytest.mark.parametrize("ending", ["released", "broken", "busy", "held"])
def test_another_ending_refuses_nothing(ending):
    assert refused_before([judged("r1", "new"), ended("r1", ending)], [], "new", run="r2") is None


@pytest.mark.parametrize(
    ("routes", "step", "champion", "words"),
    [
        (SHADOWED, Step.ROLLED_BACK, OLD, "rolled back in release r1: it did harm"),
        (SHADOWED, Step.EXPIRED, OLD, "not decided by its deadline in release r1: it did harm"),
        (PROMOTED, Step.ROLLED_BACK, OLD, "rolled back in release r1: it did harm"),
        (SHADOWED, Step.CANARY, OLD, None),
        (PROMOTED, Step.CONFIRMED, NEW, None),
    ],
)
def test_a_digest_that_was_sent_back_in_service_is_known(routes, step, champion, words):
    routes = [*routes, route(len(routes) + 1, step, champion)]
    assert refused_before([], routes, "new", run="r2") == words
    assert refused_before([], routes, "old", run="r2") is None


def test_entries_from_before_inputs_were_kept_are_no_trouble():
    entries = [entry(Kind.VERDICT, "r1", outcome="pass"), ended("r1", "refused at compare")]
    assert refused_before(entries, [], "new", run="r2") is None
