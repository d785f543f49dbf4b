"""A process killed at an instruction, and how the next one goes on; for all of them see the kill
matrix (tests/cli/test_kill_matrix.py).
"""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from sixgates.adapters.effects import KILL_AT, Effect
from sixgates.adapters.quarantine import quarantine_of, rows_of_run
from sixgates.adapters.reconcile import differences, unanswered
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.finish import run_is_live
from tests.conftest import found

pytestmark = pytest.mark.slow

FIRST_DAY = 22


class Killing:
    """A town with a gateway, and a stage for processes that die."""

    def __init__(self, town, walker):
        self.town, self._walker, self.day = town, walker, FIRST_DAY

    def act(self, act, kill_at=""):
        """Let another process act; return how it ended, in words, or None where it was killed."""
        asked = {
            "act": act, "project": self.town.path, "data": self.town.data,
            "environment": {KILL_AT: kill_at},
        }  # fmt: skip
        self._walker.stdin.write(json.dumps(asked) + "\n")
        self._walker.stdin.flush()
        answer = json.loads(self._walker.stdout.readline())
        return None if answer["killed"] else answer.get("said", answer.get("broke"))

    def next_day(self, days=1):
        self.day += days
        self.town.at(self.day)

    @property
    def route(self):
        return self.town.ledger.route(self.town.model)

    def entries(self, kind, release=None):
        return self.town.ledger.entries(self.town.model, kind=kind, release=release)

    def require_whole(self):
        """Nothing is half done, doubled or lost, and all agree on one champion."""
        town = self.town
        assert differences(town.outside, self.route, town.path) == []
        assert town.ledger.unfinished(town.model) == []
        assert unanswered(town.outside, town.model) == []
        assert town.outside.registry.open_runs(town.model) == {}
        assert town.ledger.verify(town.model) == []
        assert not run_is_live(town.outside, town.model)
        spoken = Counter((e.release, e.body["gate"], e.body["epoch"]) for e in self.verdicts())
        assert max(spoken.values()) == 1, spoken
        answers = Counter(e.release for e in self.entries(Kind.ANSWER))
        assert set(answers.values()) == {1}, answers
        moved = {(r.release, r.epoch - 1) for r in self._moved_by_gates()}
        assert moved <= {(e.release, e.body["epoch"]) for e in self.verdicts()}

    def verdicts(self, release=None):
        return self.entries(Kind.VERDICT, release)

    def _moved_by_gates(self):
        opened = {Step.COLD_START, Step.SHADOW}
        routes = self.town.ledger.routes(self.town.model)
        return [r for r in routes if r.step not in opened and r.actor == "sixgates"]


@pytest.fixture(scope="module")
def killing(home, tmp_path_factory):
    """One town for all kills; each test leaves it whole and without an open release."""
    folder = tmp_path_factory.mktemp("killed")
    town = found(folder, "killed", canary={"deadline": timedelta(days=3)})
    some = pl.int_range(pl.len()) % 200 == 7  # Few enough: gate 1 refuses them and goes on.
    town.write(town.frame.with_columns(region=pl.when(~some).then("region")))
    with subprocess.Popen(
        [sys.executable, "-m", "cli.rehearsal.matrix.walker"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"SIXGATES_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as walker:
        killing = Killing(town, walker)
        with town.gateway():
            assert killing.act("retrain").startswith("Released: version 1")
            killing.next_day()
            yield killing
        walker.stdin.close()


def roll_back(town):
    from cli.operate import rollback

    assert rollback(town.path, "the test is over", None)["proved"]


@pytest.mark.parametrize(
    ("point", "gate"),
    [
        ("start_run:after:1", Gate.VALIDATE),  # it is on record, its gates have not spoken
        ("keep_refused:before:1", Gate.RETRAIN),  # gate 1 has, and kept no row that it refused
        ("register_version:after:1", Gate.EVALUATE),
        ("write_report:before:1", None),  # it is answered
    ],
)
def test_a_retrain_that_dies_goes_on_where_it_died(killing, point, gate):
    town, before = killing.town, len(killing.entries(Kind.RUN))
    assert killing.act("retrain", point) is None
    (died,) = killing.entries(Kind.RUN)[before:]
    spoken = killing.verdicts(died.release)

    said = killing.act("retrain")

    if gate is not None:
        assert said.startswith("Released"), said
        (resumed,) = killing.entries(Kind.RECOVERED, died.release)
        assert resumed.reason.endswith(f"resumes run {died.release} at gate {gate.number}, {gate}")
        assert len(killing.entries(Kind.RUN)) == before + 1
    assert killing.verdicts(died.release)[: len(spoken)] == spoken
    assert killing.act("tick") is not None
    killing.require_whole()
    world = town.outside
    kept = rows_of_run(quarantine_of(world.settings.tables, town.model), died.release)
    assert kept.height == kept["digest"].n_unique() > 0
    assert [v.body["gate"] for v in killing.verdicts(died.release)][:4] == list(Gate)[:4]
    assert (killing.route.step, killing.route.release) == (Step.SHADOW, died.release)
    roll_back(town)
    killing.next_day()


def test_a_run_that_dies_before_it_is_on_record_never_was(killing):
    before = len(killing.entries(Kind.RUN))
    assert killing.act("retrain", "start_run:before:1") is None
    assert len(killing.entries(Kind.RUN)) == before
    killing.act("tick")
    killing.require_whole()


def test_a_tick_that_dies_is_finished_by_the_next_one(killing):
    """Its route is there, its verdict is not on record."""
    assert killing.act("retrain").startswith("Released")
    release, tried = killing.route.release, killing.route.beside.version.number
    killing.next_day(days=4)  # past the deadline
    assert killing.act("tick", "follow_route:before:1") is None
    killing.act("tick")
    killing.act("tick")
    killing.require_whole()
    assert (killing.route.step, killing.route.release) == (Step.EXPIRED, release)
    (verdict,) = killing.verdicts(release)[4:]
    assert verdict.body["move"] == "expire"
    tags = killing.town.outside.registry.registered(killing.town.model)[tried]
    assert "the deadline passed" in tags["refused"]


def test_every_effect_of_a_walk_was_intended_and_closed(killing):
    intents = killing.entries(Kind.INTENT)
    closed = {e.body["intent"] for e in killing.entries(Kind.CLOSED)}
    assert {e.seq for e in intents} == closed
    assert {e.body["action"] for e in intents} == set(Effect)
