"""What the ledger tells the governor: from plain entries and routes, without a database."""

from datetime import datetime, timedelta

import pytest

from sixgates.gates.governor import Event
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step, Version
from sixgates.ledger.standing import (
    has_its_run,
    newest_run,
    standing_of,
    trigger_of,
    waiting_alert,
)

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
OLD, NEW = Version("1", "a" * 64), Version("2", "b" * 64)


def hour(number):
    return START + timedelta(hours=number)


class Record:
    """Entries and routes in the order of writing; event time is given in hours."""

    def __init__(self):
        self.entries, self.routes = [], []

    def write(self, kind, at, release="", reason="because", actor="ann", **body):
        seq = len(self.entries) + 1
        entry = Entry(seq, "loans", kind, release, hour(at), hour(at), actor, reason, body)
        self.entries.append(entry)
        return seq

    def run(self, at, name, trigger="drift", alert=None):
        self.write(Kind.RUN, at, name, trigger=trigger, alert=alert)

    def answer(self, at, name, ending, **body):
        self.write(Kind.ANSWER, at, name, **{"alert": None, **body, "ending": ending})

    def route(self, at, step, release, champion=OLD):
        epoch, reason = len(self.routes) + 1, f"{step} at {at}"
        route = Route("loans", epoch, step, champion, None, release, hour(at), "x", reason)
        self.routes.append(route)

    def acknowledge(self, at):
        self.write(Kind.ACKNOWLEDGED, at, epoch=len(self.routes))

    @property
    def standing(self):
        return standing_of("loans", self.entries, self.routes)

    @property
    def waiting(self):
        return waiting_alert(self.entries, self.routes)


@pytest.fixture
def record():
    return Record()


def test_a_line_is_stopped_until_it_is_resumed(record):
    assert record.standing.stopped is None
    record.write(Kind.STOPPED, 1, reason="bad feed")
    assert record.standing.stopped == Event(hour(1), "ann: bad feed")
    record.write(Kind.RESUMED, 1)  # in the same moment of event time
    assert record.standing.stopped is None
    record.write(Kind.STOPPED, 0)  # the clock was set back
    assert record.standing.stopped is not None


def test_a_rollback_counts_until_it_is_acknowledged(record):
    record.route(1, Step.ROLLED_BACK, "r1")
    assert record.standing.rolled_back == Event(hour(1), "rolled_back at 1")
    record.acknowledge(1)
    assert record.standing.rolled_back is None
    record.route(1, Step.ROLLED_BACK, "r2")
    assert record.standing.rolled_back is not None


def test_a_rollback_counts_although_a_person_released_something_since(record):
    record.route(1, Step.ROLLED_BACK, "r1")
    record.route(2, Step.SHADOW, "r2")
    assert record.standing.rolled_back == Event(hour(1), "rolled_back at 1")


def test_only_automatic_runs_count_as_such(record):
    for at, trigger in enumerate(["drift", "by hand", "schedule", "six-gates"]):
        record.run(at, f"r{at}", trigger)
    assert record.standing.begun == (hour(0), hour(2))
    assert newest_run(record.entries).at == hour(3)
    assert trigger_of(record.entries, "r2") == "schedule"
    assert trigger_of(record.entries, "unknown") == ""


def test_refusals_in_a_row_are_those_of_gates_rollbacks_and_expiries(record):
    record.run(0, "good")
    record.answer(1, "good", "released")
    record.route(2, Step.PROMOTED, "good")
    for n, step in [(3, Step.ROLLED_BACK), (5, Step.EXPIRED)]:
        record.run(n, f"r{n}")
        record.answer(n, f"r{n}", "released")
        record.route(n + 1, step, f"r{n}")
    record.run(7, "r7", "by hand")
    record.answer(8, "r7", "refused at compare")
    record.run(9, "r9")
    record.answer(9, "r9", "broken")
    record.answer(10, "", "busy")
    record.run(11, "r11")
    assert record.standing.refused == (hour(4), hour(6), hour(8))


@pytest.mark.parametrize("step", [Step.PROMOTED, Step.CONFIRMED, Step.COLD_START])
def test_a_promotion_ends_the_row(record, step):
    record.run(0, "r0")
    record.answer(0, "r0", "refused at evaluate")
    record.run(1, "r1")
    record.route(2, step, "r1")
    assert record.standing.refused == ()


def test_a_promotion_that_was_rolled_back_continues_it(record):
    record.run(0, "r0")
    record.answer(0, "r0", "refused at evaluate")
    record.run(1, "r1")
    record.route(2, Step.PROMOTED, "r1")
    record.route(3, Step.ROLLED_BACK, "r1")
    assert record.standing.refused == (hour(0), hour(3))


def test_an_acknowledgement_begins_the_row_anew(record):
    record.run(0, "r0")
    record.answer(0, "r0", "refused at evaluate")
    record.run(1, "r1")
    record.route(2, Step.ROLLED_BACK, "r1")
    record.acknowledge(3)
    assert record.standing.refused == ()
    record.run(4, "r4")
    record.answer(4, "r4", "refused at compare")
    assert record.standing.refused == (hour(4),)


def test_an_alert_waits_until_a_run_or_an_answer_names_it(record):
    assert record.waiting is None
    record.run(0, "r0")
    alert = record.write(Kind.ALERT, 1)
    assert (record.waiting.alert.seq, record.waiting.since) == (alert, hour(1))
    record.answer(2, "", "busy", alert=alert)
    assert record.waiting is None


def test_an_alert_ends_with_a_champion_trained_after_it_and_waits_again_once_that_is_rolled_back(
    record,
):
    record.run(0, "r0")
    record.route(0, Step.COLD_START, "r0")
    alert = record.write(Kind.ALERT, 1)
    record.run(2, "r1", trigger="by hand")
    record.route(3, Step.SHADOW, "r1")
    assert record.waiting.alert.seq == alert
    record.route(4, Step.PROMOTED, "r1", NEW)
    assert record.waiting is None
    record.route(5, Step.ROLLED_BACK, "r1")
    assert record.waiting.alert.seq == alert


def test_an_alert_that_was_put_off_waits_from_the_moment_at_which_it_may_be_answered(record):
    alert = record.write(Kind.ALERT, 1)
    record.answer(2, "", "held", alert=alert, until=hour(9).isoformat())
    assert (record.waiting.alert.seq, record.waiting.since) == (alert, hour(9))
    record.acknowledge(5)
    assert record.waiting.since == hour(5)
    record.answer(6, "", "held", alert=alert, until=None)
    assert record.waiting.since == hour(6)
    record.run(7, "r7", alert=alert)
    assert record.waiting is None


def test_an_alert_whose_run_was_put_off_before_its_release_opened_waits_again(record):
    alert = record.write(Kind.ALERT, 0)
    record.run(1, "r1", alert=alert)
    assert record.waiting is None
    record.answer(2, "", "held", alert=alert, until=hour(9).isoformat())
    assert (record.waiting.held.at, record.waiting.since) == (hour(2), hour(9))
    record.answer(10, "r1", "released", alert=alert)
    assert record.waiting is None


def test_an_alert_has_its_run_unless_that_died_or_ended_and_was_put_off_since(record):
    alert = record.write(Kind.ALERT, 0)
    assert not has_its_run(record.entries, alert, dead=())
    record.run(1, "r1", alert=alert)
    assert has_its_run(record.entries, alert, dead=())
    assert not has_its_run(record.entries, alert, dead={"r1"})
    record.answer(2, "", "held", alert=alert, until=None)
    assert has_its_run(record.entries, alert, dead=())  # somebody took it up: it is under way
    record.answer(3, "r1", "broken", alert=alert)
    assert has_its_run(record.entries, alert, dead=())
    record.answer(4, "", "held", alert=alert, until=None)
    assert not has_its_run(record.entries, alert, dead=())
    assert not has_its_run(record.entries, alert + 1, dead=())
