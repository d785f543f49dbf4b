"""A run that is asked for while a challenger is tried: it waits, or takes its place."""

from contextlib import suppress

import pytest

import tasks.run
from cli.line import brakes_of, stopped
from sixgates.gates.errors import TransientError
from sixgates.ledger.ledger import Kind
from sixgates.ledger.refused import refused_before
from sixgates.ledger.route import Step
from sixgates.ledger.standing import read_standing
from tasks.run import Busy, Held, Run
from tasks.tick import look

REPLACE = {"newer": "replace"}
TRIED = [Step.SHADOW, Step.CANARY]
WRITES = 15
"""Writes of the beginning of a run that takes the place of another."""


def tried(stage, old, new, step, **governor):
    stage.play("newer", governor=governor)
    stage.route(Step.COLD_START, old, release="r0")
    pair = (new, old) if step is Step.PROMOTED else (old, new)
    return stage.route(step, *pair, share=0.0 if step is Step.SHADOW else 0.1)


def ran(stage, run, ending):
    """Put a run and its answer on record."""
    begun = {"trigger": "by hand", "alert": None}
    for kind, body in ((Kind.RUN, begun), (Kind.ANSWER, {"alert": None, "ending": ending})):
        stage.world.ledger.append(
            stage.model, kind, at=stage.world.clock.now(), release=run, reason="said", body=body
        )


@pytest.mark.parametrize("step", TRIED)
def test_by_default_it_waits(stage, old, new, step):
    route = tried(stage, old, new, step)
    assert isinstance(stage.begin(), Busy)
    assert stage.world.ledger.route(stage.model) == route


@pytest.mark.parametrize("step", TRIED)
def test_where_the_project_says_so_it_takes_the_place_of_the_one_that_is_tried(
    stage, old, new, step
):
    before = tried(stage, old, new, step, **REPLACE)
    run = stage.begin()
    route = stage.world.ledger.route(stage.model)
    assert (route.step, route.champion, route.beside) == (Step.SUPERSEDED, old, None)
    assert (route.epoch, route.release) == (before.epoch + 1, "r1")
    assert route.reason == f"superseded by run {run.id}"
    assert stage.entries(Kind.PROOF)[-1].body["proved"]
    assert stage.world.registry.pointing[stage.model] == {"champion": "1"}
    assert stage.world.registry.marks == {}


@pytest.mark.parametrize("step", TRIED)
def test_what_was_superseded_neither_counts_as_refused_nor_starts_a_hold(stage, old, new, step):
    tried(stage, old, new, step, refusals=1, **REPLACE)
    ran(stage, "r1", "released")
    stage.begin()
    standing = read_standing(stage.world.ledger, stage.model)
    assert (standing.rolled_back, standing.refused) == (None, ())
    assert "breaker" not in {on["brake"] for on in brakes_of(stage.project)}
    entries, routes = stage.history()
    assert refused_before(entries, routes, new.digest, run="r9") is None


def test_a_promoted_model_is_never_replaced_so(stage, old, new):
    route = tried(stage, old, new, Step.PROMOTED, **REPLACE)
    assert isinstance(stage.begin(), Busy)
    assert stage.world.ledger.route(stage.model) == route


def test_a_run_that_may_not_begin_replaces_nothing(stage, old, new):
    route = tried(stage, old, new, Step.CANARY, **REPLACE)
    stopped(stage.project, "the feed is broken")
    assert isinstance(stage.begin(), Held)
    assert stage.world.ledger.route(stage.model) == route


def test_a_run_that_the_registry_cannot_open_replaces_nothing(stage, old, new):
    route = tried(stage, old, new, Step.CANARY, **REPLACE)
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        stage.begin()
    assert stage.world.ledger.route(stage.model) == route
    assert isinstance(stage.begin(), Run)


def test_a_tick_that_promotes_it_first_wins(stage, old, new, monkeypatch):
    stale = tried(stage, old, new, Step.CANARY, **REPLACE)
    promoted = stage.route(Step.PROMOTED, new, old, share=0.1)
    ledger, routes = stage.world.ledger, [stale]
    newest = ledger.route
    monkeypatch.setattr(
        type(ledger), "route", lambda _self, model: routes.pop() if routes else newest(model)
    )
    with pytest.raises(TransientError):
        stage.begin()
    assert newest(stage.model) == promoted
    assert stage.entries(Kind.RUN) == []
    assert isinstance(stage.begin(), Busy)


class Killed(BaseException):
    """A process that is gone: nothing catches it."""


def writes_of(stage):
    """Everything that a run's beginning writes: to the ledger, the registry and the gateways."""
    world = stage.world
    return [
        (type(world.ledger), "append"), (type(world.ledger), "intend"),
        (type(world.ledger), "close_intent"), (type(world.ledger), "take"),
        (tasks.run, "append_decided"), (world.registry, "start_run"),
        (world.registry, "set_aliases"), (world.traffic, "follow"),
    ]  # fmt: skip


def begin_and_die(stage, monkeypatch, at):
    """Begin a run that is killed as it comes to its n-th write; return how many it came to."""
    reached = []

    def watch(owner, name):
        original = getattr(owner, name)

        def call(*given, **named):
            reached.append(name)
            if len(reached) == at:
                raise Killed
            return original(*given, **named)

        patch.setattr(owner, name, call)

    with monkeypatch.context() as patch:
        for owner, name in writes_of(stage):
            watch(owner, name)
        patch.setattr(tasks.run, "land", lambda *_: None)  # who was killed gives nothing back
        with suppress(Killed):
            stage.begin(trigger="by hand")
    return len(reached)


@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_wherever_it_is_killed_both_the_old_release_ended_and_the_new_run_is_known_or_neither(
    stage, old, new, monkeypatch, at
):
    before = tried(stage, old, new, Step.CANARY, **REPLACE)
    assert begin_and_die(stage, monkeypatch, at) == at
    ledger, name = stage.world.ledger, f"run:{stage.model}"
    if lease := ledger.lease(name):
        ledger.give_back(name, lease.owner)  # as whoever comes next does for a process that is gone

    look.fn(stage.project)

    left, route = stage.entries(Kind.RUN), ledger.route(stage.model)
    if left:
        assert (route.step, route.reason) == (
            Step.SUPERSEDED,
            f"superseded by run {left[0].release}",
        )
        assert stage.world.registry.pointing[stage.model] == {"champion": "1"}
    else:
        assert route == before
    again = stage.begin(trigger="by hand")
    assert isinstance(again, Run)
    (run,) = stage.entries(Kind.RUN)
    assert (run.release, not left or left == [run]) == (again.id, True)
    assert ledger.route(stage.model).reason == f"superseded by run {again.id}"
    assert [r.epoch for r in ledger.routes(stage.model)] == [1, 2, 3]
    open_runs = stage.world.registry.open_runs(stage.model)
    assert list(open_runs.values()) == [again.id]
    assert {e.body["action"] for e in ledger.unfinished(stage.model)} == set()
    assert ledger.verify(stage.model) == []


def test_it_was_killed_at_every_write(stage, old, new, monkeypatch):
    tried(stage, old, new, Step.CANARY, **REPLACE)
    assert begin_and_die(stage, monkeypatch, None) == WRITES


def test_an_older_row_of_refusals_is_not_broken_by_what_was_superseded(stage, old, new):
    tried(stage, old, new, Step.CANARY, **REPLACE)
    ran(stage, "r00", "refused at compare")
    ran(stage, "r1", "released")
    stage.begin()
    standing = read_standing(stage.world.ledger, stage.model)
    assert standing.refused == (stage.world.clock.now(),)
