"""What is owed is sent once, recorded, tried again, and never in the way."""

import fcntl
import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sixgates.adapters import notifications
from sixgates.adapters.notifications import tell_people, tell_unrecorded
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.errors import TransientError
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.news import ATTEMPTS
from sixgates.ledger.route import Route, Step, Version
from tests.adapters.receivers import hanging, mail_server, receiver, unused
from tests.fakes import FakeClock, FakeLog, FakeModels, FakeRegistry, FakeTraffic

PLANTED = "hush-hush-4711"
T = datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC
MODEL = "loans"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def world(tmp_path):
    settings = Settings(home=tmp_path / "home")
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield World(
        settings=settings, ledger=ledger, registry=FakeRegistry(), models=FakeModels(),
        references=ReferenceStore(settings.store), traffic=FakeTraffic(ledger), log=FakeLog(),
        clock=FakeClock(),
    )  # fmt: skip
    ledger.close()


def to(world, *addresses, **others):
    """Return the same world with other channels."""
    settings = Settings(home=world.settings.home, notify=",".join(addresses), **others)
    return replace(world, settings=settings)


def refused(world, release="r1"):
    """Leave an outcome on record that nobody was told about, as a kill would."""
    return world.ledger.append(
        MODEL, Kind.ANSWER, at=T, release=release, reason="gate 1, validate: rows 3 < limit 500",
        body={"alert": None, "ending": "refused at validate"},
    )  # fmt: skip


def lines(world):
    path = world.settings.home / "notifications.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def records(world):
    return [e.body for e in world.ledger.entries(MODEL, kind=Kind.NOTIFICATION)]


def test_an_outcome_whose_process_was_killed_is_told_by_the_next_look(world):
    seq = refused(world)
    (done,) = tell_people(world, MODEL)
    assert (done.sent, done.attempt, done.why) == (True, 1, "")
    (line,) = lines(world)
    assert (line["id"], line["outcome"]) == (f"loans/entry/{seq}", "refused")
    assert line["title"] == "loans: run refused at gate 1, validate"
    assert records(world) == [
        {"outcome": line["id"], "what": "refused", "channels": [
            {"channel": done.channel, "sent": True, "attempt": 1, "why": ""}]}
    ]  # fmt: skip


def test_looking_again_sends_and_records_nothing(world):
    refused(world)
    tell_people(world, MODEL)
    before = world.ledger.entries(MODEL)
    for _ in range(3):
        assert tell_people(world, MODEL) == []
    assert world.ledger.entries(MODEL) == before
    assert len(lines(world)) == 1


def test_a_kill_between_sending_and_recording_repeats_the_message_with_the_same_id(
    world, monkeypatch
):
    refused(world)
    with monkeypatch.context() as patch:
        patch.setattr(notifications, "_record", _raise(TransientError("the ledger went away")))
        assert tell_people(world, MODEL) == []
    tell_people(world, MODEL)
    first, second = lines(world)
    assert first == second
    assert len(records(world)) == 1


def test_a_page_that_cannot_be_looked_for_keeps_nobody_from_being_told(world, monkeypatch):
    monkeypatch.setattr(notifications, "report_file", lambda *_: Path("/", "x" * 300))
    body = {"alert": None, "trigger": "test", "tracking": ""}
    world.ledger.append(MODEL, Kind.RUN, at=T, release="r1", reason="test", body=body)
    refused(world)
    (done,) = tell_people(world, MODEL)
    assert done.sent
    assert lines(world)[0]["report"] == ""


def test_routes_are_told_oldest_first_and_keep_release_entries_as_they_were(world):
    for epoch, step in enumerate((Step.COLD_START, Step.SHADOW, Step.EXPIRED), 1):
        route = Route(MODEL, epoch, step, Version("1", "a" * 64), None, "r1", T, "test", "because")
        world.ledger.append_route(route)
    tell_people(world, MODEL)
    assert [line["id"] for line in lines(world)] == [f"loans/route/{n}" for n in (1, 2, 3)]
    assert [line["serving"]["version"] for line in lines(world)] == ["1"] * 3
    assert world.ledger.entries(MODEL, release="r1") == []


def test_one_channel_that_fails_keeps_no_other_from_being_told(world):
    refused(world)
    with receiver() as there:
        found = tell_people(to(world, unused(), there.url), MODEL)
        assert [d.sent for d in found] == [False, True]
        tell_people(to(world, found[0].channel.replace("webhook ", "http://"), there.url), MODEL)
        assert len(there.calls) == 1
    tries = [[(c["attempt"], c["sent"]) for c in body["channels"]] for body in records(world)]
    assert tries == [[(1, False), (1, True)], [(2, False)]]


def test_a_channel_that_was_down_gets_all_it_missed_in_order(world):
    with receiver(status=503) as there:
        here = to(world, there.url)
        ids = [f"loans/entry/{refused(world)}" for _ in range(3)]
        assert [d.sent for d in tell_people(here, MODEL)] == [False]  # the others wait: it is down
        assert len(there.calls) == 1
        there.status = 200
        assert [(d.sent, d.attempt) for d in tell_people(here, MODEL)] == [
            (True, 2), (True, 1), (True, 1),
        ]  # fmt: skip
        assert [body["id"] for _, _, body in there.calls[1:]] == ids


def test_a_channel_is_left_alone_for_a_while_after_three_attempts_unless_somebody_asks(world):
    refused(world)
    with receiver(status=503) as there:
        here = to(world, there.url)
        for _ in range(5):
            tell_people(here, MODEL)
        assert len(there.calls) == 3
        there.status = 200
        assert tell_people(here, MODEL) == []
        (done,) = tell_people(here, MODEL, at_once=True)
        assert (done.sent, done.attempt) == (True, 4)


def test_a_channel_is_given_up_for_an_outcome_after_so_many_attempts(world):
    refused(world)
    here = to(world, unused())
    for _ in range(ATTEMPTS + 3):
        tell_people(here, MODEL, at_once=True)
    assert [body["channels"][0]["attempt"] for body in records(world)] == [*range(1, ATTEMPTS + 1)]
    said = world.ledger.entries(MODEL, kind=Kind.NOTIFICATION)[-1].reason
    assert "not sent to webhook 127.0.0.1:" in said
    assert "could not be reached (Connection refused) (attempt 12 of 12)" in said


def test_a_receiver_that_hangs_costs_its_patience_once_a_look(world, monkeypatch):
    monkeypatch.setattr("sixgates.adapters.channels.WEBHOOK_PATIENCE", 0.3)
    for _ in range(4):
        refused(world)
    with hanging() as url:
        (done,) = tell_people(to(world, url), MODEL)
    assert not done.sent


def test_a_project_that_does_not_load_is_told_of_by_the_name_it_was_asked_by(world):
    asked = "no/such/project.py"
    world.ledger.append(asked, Kind.ANSWER, at=T, reason="retrain broke: no such file",
                        body={"alert": None, "ending": "broken"})  # fmt: skip
    tell_people(world, asked)
    (line,) = lines(world)
    assert line["title"] == "no/such/project.py: run broke down"
    assert "no such file" in line["text"]


def test_while_one_process_tells_another_leaves_it_alone(world):
    refused(world)
    world.settings.home.mkdir()
    with (world.settings.home / "notifications.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert tell_people(world, MODEL) == []
    assert len(tell_people(world, MODEL)) == 1


def test_a_home_that_cannot_be_written_keeps_nobody_from_being_told(world):
    refused(world)
    world.settings.home.write_text("no folder")
    with receiver() as there:
        assert [d.sent for d in tell_people(to(world, there.url), MODEL)] == [True]


@pytest.mark.parametrize("broken", ["entries", "routes"])
def test_nothing_is_ever_raised(world, monkeypatch, broken):
    refused(world)
    monkeypatch.setattr(Ledger, broken, _raise(TransientError("the ledger did not answer")))
    assert tell_people(world, MODEL) == []


def test_planted_secrets_are_in_no_record_log_or_message(world, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    refused(world)
    with receiver() as there, receiver(status=500) as ill:
        there_too = there.url.replace("http", "json")
        here = to(
            world, f"{there.url}/{PLANTED}", f"{ill.url}/{PLANTED}", f"{there_too}/{PLANTED}",
            f"slack://{PLANTED}", f"https://me:{PLANTED}@x/", f"{unused()}/{PLANTED}",
            notify_token=PLANTED,
        )  # fmt: skip
        assert [d.sent for d in tell_people(here, MODEL)] == [True, False, True, *[False] * 3]
        assert PLANTED not in json.dumps([body for _, _, body in there.calls])
    stored = "".join(world.ledger.export(MODEL))
    assert not any(PLANTED in text for text in (stored, caplog.text, *capfd.readouterr()))


def test_news_of_last_week_is_not_sent_to_a_channel_that_is_new(world, monkeypatch):
    refused(world)

    class Later(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) + timedelta(days=7)

    monkeypatch.setattr(notifications, "datetime", Later)
    assert tell_people(world, MODEL) == []


def test_a_breakdown_without_a_ledger_is_told_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path / "home"))
    (done,) = tell_unrecorded("loans", "retrain/1", "retrain broke: database is locked")
    assert done.sent
    (line,) = [
        json.loads(x) for x in (tmp_path / "home/notifications.jsonl").read_text().splitlines()
    ]
    assert (line["id"], line["outcome"]) == ("loans/unrecorded/retrain/1", "broken")
    monkeypatch.setattr(notifications, "Settings", _raise(ValueError("no settings")))
    assert tell_unrecorded("loans", "retrain/1", "it broke") == []


def _raise(exc):
    def call(*_, **__):
        raise exc

    return call


def test_a_mailbox_that_is_refused_is_tried_again_alone_and_named(world):
    refused(world)
    with mail_server("gone@b.org") as (port, got):
        address = f"mailto://127.0.0.1:{port}/one@a.org/gone@b.org?from=six@gates.org"
        for attempt in range(1, 4):
            done = tell_people(to(world, address), MODEL, at_once=True)
            assert [d.attempt for d in done if not d.sent] == [attempt]
    assert got == ["one@a.org"]
    assert "not sent to mailto 127.0.0.1 #2, Apprise could not deliver it to gone@b.org" in (
        world.ledger.entries(MODEL, kind=Kind.NOTIFICATION)[-1].reason
    )
