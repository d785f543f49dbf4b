"""Of hundreds of models, a tick looks at those with something open, at the others now and then."""

from datetime import datetime, timedelta

import pytest

from flows.one import one
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.due import IDLE_MINUTES, Due, due

ONE, TWO = Version("1", "a" * 64), Version("2", "b" * 64)
MINUTES = [datetime(2026, 1, 5, 8, 0) + timedelta(minutes=n) for n in range(IDLE_MINUTES)]  # noqa: DTZ001 - naive UTC
SELDOM = {Due.LOOK: 1, Due.NOTHING: IDLE_MINUTES - 1}


def asked(stage):
    """What is due in ten minutes in a row."""
    found = [due(stage.world, stage.model, minute) for minute in MINUTES]
    return {what: found.count(what) for what in found}


def proof(stage, epoch, *, proved):
    stage.world.ledger.append(
        stage.model, Kind.PROOF, at=stage.world.clock.now(), reason="asked",
        body={"epoch": epoch, "proved": proved, "answers": [], "trouble": []},
    )  # fmt: skip


@pytest.fixture
def played(stage):
    stage.play()
    return stage


def test_a_model_that_never_served_has_nothing_to_look_at(played):
    assert asked(played) == {Due.NOTHING: IDLE_MINUTES}


def test_an_idle_model_is_looked_at_once_in_ten_minutes(played):
    played.route(Step.CONFIRMED, ONE)
    proof(played, 1, proved=True)
    assert asked(played) == SELDOM


def test_an_open_release_is_looked_at_every_minute(played):
    played.route(Step.CONFIRMED, ONE)
    played.route(Step.CANARY, ONE, beside=TWO, share=0.05)
    proof(played, 2, proved=True)
    assert asked(played) == {Due.TICK: IDLE_MINUTES}


def test_a_rollback_that_nobody_has_proved_is_looked_at_every_minute(played):
    played.route(Step.CANARY, ONE, beside=TWO, share=0.05)
    proof(played, 1, proved=True)
    played.route(Step.ROLLED_BACK, ONE)
    assert asked(played) == {Due.TICK: IDLE_MINUTES}
    proof(played, 2, proved=False)
    assert asked(played) == SELDOM  # there is no gateway that could be told
    played.world.ledger.announce(played.model, "http://127.0.0.1:1")
    assert asked(played) == {Due.TICK: IDLE_MINUTES}
    proof(played, 2, proved=True)
    assert asked(played) == SELDOM


def test_what_a_killed_process_had_begun_is_looked_at(played):
    played.route(Step.CONFIRMED, ONE)
    proof(played, 1, proved=True)
    played.world.ledger.intend(played.model, "mark_version", at=played.world.clock.now())
    assert asked(played) == {Due.TICK: IDLE_MINUTES}


def ticked(stage):
    """What one project of many says of a tick; no server of Prefect is asked."""
    return one(stage.project, step="tick", data={}, seconds=10.0).name


def test_an_idle_model_is_brought_in_line_in_its_minute_alone(played, monkeypatch):
    played.route(Step.CONFIRMED, ONE)
    proof(played, 1, proved=True)
    pointing = played.world.registry.pointing
    pointing[played.model] = {"champion": "9"}
    monkeypatch.setattr("tasks.due.crc32", lambda _: -1)
    monkeypatch.setattr("tasks.due.IDLE_MINUTES", 10_000)
    assert ticked(played) == "Idle"
    assert pointing[played.model] == {"champion": "9"}
    monkeypatch.setattr("tasks.due.IDLE_MINUTES", 1)
    assert ticked(played) == "Idle"
    assert pointing[played.model] == {"champion": "1"}
    assert played.world.ledger.lease(f"tick:{played.model}") is None


def test_what_people_are_owed_about_an_idle_model_is_sent_in_its_minute(played, monkeypatch):
    """The process that rolled back was killed before its hook could tell anybody."""
    played.route(Step.CANARY, ONE, beside=TWO, share=0.05)
    played.route(Step.ROLLED_BACK, ONE)
    proof(played, 2, proved=True)
    monkeypatch.setattr("tasks.due.crc32", lambda _: -1)
    monkeypatch.setattr("tasks.due.IDLE_MINUTES", 10_000)
    assert ticked(played) == "Idle"
    assert played.entries(Kind.NOTIFICATION) == []
    monkeypatch.setattr("tasks.due.IDLE_MINUTES", 1)
    for _ in range(2):
        assert ticked(played) == "Idle"
        (told,) = played.entries(Kind.NOTIFICATION)
    assert told.body["what"] == "rolled_back"


def test_a_message_that_did_not_arrive_is_tried_again_while_the_model_is_idle(played, monkeypatch):
    played.route(Step.ROLLED_BACK, ONE)
    proof(played, 1, proved=True)
    monkeypatch.setattr("tasks.due.IDLE_MINUTES", 1)
    home = played.world.settings.home
    home.mkdir(parents=True)
    (home / "notifications.jsonl").mkdir()  # nothing can be written to it
    for _ in range(2):
        assert ticked(played) == "Idle"
    (home / "notifications.jsonl").rmdir()
    assert ticked(played) == "Idle"
    tries = [e.body["channels"][0] for e in played.entries(Kind.NOTIFICATION)]
    assert [(one["attempt"], one["sent"]) for one in tries] == [(1, False), (2, False), (3, True)]
