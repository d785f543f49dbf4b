"""No effect without its intent: found from the ports themselves, not from a list."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from inspect import isfunction

import polars as pl
import pytest
from prefect import Task

import flows.release
import flows.retrain
from sixgates.adapters import effects
from sixgates.adapters.effects import KILL_AT, Effect, intended, is_open
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.gates.errors import TransientError
from sixgates.gates.ports import Models, Registry, Traffic
from sixgates.ledger.ledger import Kind, LostRaceError

READS = {
    Registry: {"aliases", "registered", "open_runs"},
    Models: {"get"},
    Traffic: {"proved", "serving"},
    ReferenceStore: {"get", "until"},
}


def writes_of(port):
    named = {n for n, f in vars(port).items() if isfunction(f) and not n.startswith("_")}
    return named - READS[port]


@pytest.fixture
def watched(stage, monkeypatch):
    """Record, for every write, which intents were open while it happened."""
    seen = []

    def watch(owner, name):
        original = getattr(owner, name)

        def call(*given, **named):
            open_now = {e.body["action"] for e in stage.world.ledger.unfinished(stage.model)}
            seen.append((name, open_now))
            return original(*given, **named)

        monkeypatch.setattr(owner, name, call)

    world = stage.world
    for owner, port in (
        (world.registry, Registry), (world.models, Models), (world.traffic, Traffic),
        (ReferenceStore, ReferenceStore),
    ):  # fmt: skip
        for name in writes_of(port):
            watch(owner, name)
    import sixgates.adapters.engine.check
    import tasks.quarantine
    import tasks.report

    watch(sixgates.adapters.engine.check, "write_dataset")
    watch(tasks.quarantine, "keep_refused")
    watch(tasks.report, "write_report")
    for module in (flows.retrain, flows.release):
        for name, value in vars(module).copy().items():
            if isinstance(value, Task):
                monkeypatch.setattr(module, name, value.fn)
    return seen


def test_nothing_is_done_outside_without_an_intent_that_is_closed_afterwards(stage, watched):
    rules = {"comparison": {"margin": 0.5, "cold_start": "serve"}}
    stage.play("walk", **rules, canary={"deadline": timedelta(days=1)})
    stage.world.ledger.announce(stage.model, "http://gateway")
    stage.write(
        stage.rows.with_columns(region=pl.when(pl.int_range(pl.len()) % 200 != 7).then("region"))
    )
    for _ in range(2):
        state = flows.retrain.retrain.fn(stage.project, stage.data, trigger="by hand")
        assert state.name == "Released", state.message
        stage.write(stage.rows.head(stage.rows.height - 300))  # so that another model follows
    stage.world.clock.moment += timedelta(days=2)
    assert flows.release.release.fn(stage.project).name == "Expired"

    writes = {
        "start_run": Effect.START_RUN, "write_dataset": Effect.STORE_ROWS,
        "log_verdict": Effect.LOG_VERDICT, "keep_refused": Effect.KEEP_REFUSED,
        "log_training": Effect.LOG_TRAINING,
        "register": Effect.REGISTER_VERSION, "prove": Effect.PROVE_VERSION,
        "follow": Effect.FOLLOW_ROUTE, "set_aliases": Effect.SET_ALIASES,
        "mark": Effect.MARK_VERSION, "write_report": Effect.WRITE_REPORT,
        "log_report": Effect.WRITE_REPORT, "log_reference": Effect.STORE_REFERENCE,
        "end_run": Effect.END_RUN,
    }  # fmt: skip
    stores = {Effect.STORE_MODEL, Effect.STORE_REFERENCE}
    for name, open_now in watched:
        expected = stores if name == "put" else {writes[name]}
        assert expected & open_now, f"{name} happened outside its intent"
    assert {name for name, _ in watched} == {*writes, "put"}
    assert {e.body["action"] for e in stage.entries(Kind.INTENT)} == set(Effect)
    assert stage.world.ledger.unfinished(stage.model) == []


def test_what_fails_leaves_its_intent_open_and_the_next_try_takes_it_up(stage):
    asked = {"release": "r1", "given": {"version": "2"}}
    with pytest.raises(TransientError), intended(stage.world, Effect.MARK_VERSION, "m", **asked):
        raise TransientError("away")
    assert is_open(stage.world, Effect.MARK_VERSION, "m", **asked)
    assert not is_open(stage.world, Effect.MARK_VERSION, "m", release="r2", given={"version": "2"})
    with intended(stage.world, Effect.MARK_VERSION, "m", **asked):
        pass
    assert [e.kind for e in stage.world.ledger.entries("m")] == [Kind.INTENT, Kind.CLOSED]


def test_a_lost_race_closes_its_intent_as_lost(stage):
    with (
        pytest.raises(LostRaceError),
        intended(stage.world, Effect.MOVE_RELEASE, "m", release="r1", given={"epoch": 3}),
    ):
        raise LostRaceError("taken")
    (closed,) = stage.world.ledger.entries("m", kind=Kind.CLOSED)
    assert closed.body["outcome"] == effects.LOST


@pytest.mark.parametrize(
    ("point", "entries"),
    [("mark_version:before:1", 1), ("mark_version:after:1", 1), ("mark_version:closed:2", 4)],
)
def test_a_process_dies_where_a_test_asks_for_it(stage, point, entries):
    script = (
        "from sixgates.adapters.effects import Effect, intended\n"
        "from sixgates.adapters.wiring import build\n"
        "for n in range(3):\n"
        "    with intended(build(), Effect.MARK_VERSION, 'm', release='r', given={'n': n}):\n"
        "        pass\n"
    )
    environment = os.environ | {
        KILL_AT: point, "SIXGATES_HOME": str(stage.folder),
        "SIXGATES_LEDGER_URL": f"sqlite:///{stage.folder}/ledger.db",
    }  # fmt: skip
    ended = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert len(stage.world.ledger.entries("m")) == entries
