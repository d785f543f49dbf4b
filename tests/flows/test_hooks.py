"""The state hooks, called as Prefect calls them, on a ledger of their own."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from prefect.states import Failed

from flows import hooks
from flows.hooks import note_broken_flow, notify, record_breakdown
from flows.release import release
from flows.retrain import retrain
from flows.watch import watch
from sixgates.adapters import wiring
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.errors import TransientError
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.ledger import Kind, Ledger
from tests.fakes import FakeClock, FakeLog, FakeModels, FakeRegistry, FakeTraffic

STATE = Failed(message="TransientError: the registry did not answer")


@pytest.fixture
def world(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    world = World(
        settings=settings, ledger=ledger, registry=FakeRegistry(), models=FakeModels(),
        references=ReferenceStore(settings.store), traffic=FakeTraffic(ledger), log=FakeLog(),
        clock=FakeClock(),
    )  # fmt: skip
    monkeypatch.setattr(wiring, "_build", lambda _settings: world)
    monkeypatch.setenv("SIXGATES_HOME", str(settings.home))
    yield world
    ledger.close()


def call(hook, flow="retrain", **parameters):
    run = SimpleNamespace(parameters={"project": "loans", **parameters}, id="f1")
    hook(SimpleNamespace(name=flow), run, STATE)


def told(world):
    path = world.settings.home / "notifications.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("flow", [retrain, release, watch])
def test_every_flow_tells_people_however_it_ends(flow):
    for hooked in (flow.on_completion_hooks, flow.on_failure_hooks, flow.on_crashed_hooks):
        assert hooked[-1] is notify
    records = record_breakdown if flow is retrain else note_broken_flow
    assert flow.on_failure_hooks[0] is records
    assert flow.on_crashed_hooks[0] is note_broken_flow


def test_a_run_that_broke_before_it_began_is_answered_and_told(world):
    call(record_breakdown)
    call(notify)
    (answer,) = world.ledger.entries("loans", kind=Kind.ANSWER)
    assert (answer.release, answer.body["ending"]) == ("", "broken")
    (message,) = told(world)
    assert message["title"] == "loans: run broke down"
    assert "the registry did not answer" in message["text"]


@pytest.fixture
def begun(world):
    """A run is on record, and nobody holds its lease yet."""
    world.ledger.append(
        "loans", Kind.RUN, at=datetime(2026, 1, 5), release="r1", reason="drift",  # noqa: DTZ001
        body={"alert": 4, "tracking": "t1", "data": None},
    )  # fmt: skip


@pytest.mark.usefixtures("begun")
def test_a_flow_that_broke_does_not_answer_for_the_run_of_another_process(world):
    world.ledger.take("run:loans", in_this_process("r2"), 60)
    call(record_breakdown)
    (answer,) = world.ledger.entries("loans", kind=Kind.ANSWER)
    assert answer.release == ""
    assert world.registry.ended == {}


@pytest.mark.usefixtures("begun")
def test_a_run_that_broke_half_way_is_closed_in_the_registry_too(world):
    world.ledger.take("run:loans", in_this_process("r1"), 60)
    world.registry.outages = 1
    call(record_breakdown)
    (intent,) = world.ledger.unfinished("loans")  # the next tick closes it
    assert (intent.body["action"], intent.body["given"]["status"]) == ("end_run", "FAILED")
    call(notify)
    (answer,) = world.ledger.entries("loans", kind=Kind.ANSWER)
    assert (answer.release, answer.body["alert"]) == ("r1", 4)
    assert "sixgates retrain --project loans\n" in told(world)[0]["text"]


def test_a_breakdown_that_the_ledger_cannot_take_is_told_all_the_same(world, monkeypatch):
    monkeypatch.setattr(Ledger, "append", _raise(TransientError("the ledger did not answer")))
    call(record_breakdown)
    (message,) = told(world)
    assert message["id"] == "loans/unrecorded/retrain/f1"
    assert "the registry did not answer" in message["text"]


def test_ticks_that_break_each_minute_are_told_once_an_hour(world, monkeypatch):
    began = hooks._wall()
    for minute, notices in ((0, 1), (1, 1), (59, 1), (61, 2)):
        monkeypatch.setattr(hooks, "_wall", lambda m=minute: began + timedelta(minutes=m))
        call(note_broken_flow, flow="release")
        call(notify, flow="release")
        assert len(world.ledger.entries("loans", kind=Kind.NOTICE)) == len(told(world)) == notices
    assert told(world)[0]["title"].startswith("loans: the flow release broke: TransientError")


@pytest.mark.usefixtures("begun")
def test_a_file_that_no_longer_loads_is_told_of_under_the_name_of_its_model(world):
    call(note_broken_flow, flow="release", project="elsewhere/loans.py")
    call(notify, flow="release", project="elsewhere/loans.py")
    assert len(world.ledger.entries("loans", kind=Kind.NOTICE)) == len(told(world)) == 1
    assert world.ledger.models() == ["loans"]


def test_no_hook_ever_raises(world, monkeypatch):
    monkeypatch.setattr(wiring, "_build", _raise(TransientError("nothing answers")))
    for hook in (notify, record_breakdown, note_broken_flow):
        call(hook)
        hook(SimpleNamespace(name="retrain"), SimpleNamespace(parameters=None, id="f1"), STATE)
    assert world.ledger.models() == []


def _raise(exc):
    def call(*_, **__):
        raise exc

    return call
