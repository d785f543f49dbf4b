"""The governor at the moment a release opens: much may have happened since its run began."""

from datetime import timedelta

import pytest
from prefect import Task

import flows.retrain
from cli.line import acknowledged, resumed, stopped
from cli.operate import rollback
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.ports import ModelRef
from sixgates.ledger.ledger import Kind, LostRaceError
from sixgates.ledger.refused import refused_before
from sixgates.ledger.route import Step, Version
from sixgates.ledger.standing import read_standing
from tasks.answer import Broken
from tasks.release import release
from tasks.resume import STALE_AFTER, dead_runs
from tasks.run import Held
from tasks.watch import Raised, raise_alert
from tests.tasks.test_watch import LOUD

SERVE = {"comparison": {"margin": 0.5, "cold_start": "serve"}}
WEEKEND = {"freeze": ("Sun - Sun",)}
"""The clock of a stage stands on a Sunday, 2026-01-25 00:00."""


def held(stage, run, model):
    """Ask for the release, which must be held; return the reason."""
    before = stage.world.ledger.routes(stage.model)
    said = stage.release(run, model)
    assert isinstance(said, Held)
    assert stage.world.ledger.routes(stage.model) == before
    assert stage.entries(Kind.RELEASE) == []
    assert dead_runs(stage.world, stage.model) == {run.id}
    newest = stage.entries(Kind.ANSWER)[-1]
    assert (newest.release, newest.reason, newest.body["run"]) == ("", said.reason, run.id)
    assert f"run {run.id} passed gates 1 to 4 and waits to open its release" in said.reason
    assert f"`sixgates retrain --project {stage.project}`" in said.reason
    return said


@pytest.fixture
def model(stage):
    stage.world.registry.older.add((stage.model, "2"))
    return ModelRef(stage.model, "2", "b" * 64, "t1")


@pytest.fixture
def walk(stage, monkeypatch):
    """Take a retrain through its flow, with its tasks as plain functions; return how it ended."""
    for name, value in vars(flows.retrain).copy().items():
        if isinstance(value, Task):
            monkeypatch.setattr(flows.retrain, name, value.fn)

    def retrain(**asked):
        state = flows.retrain.retrain.fn(stage.project, stage.data, **asked)
        return state.name, state.message

    return retrain


@pytest.fixture
def during(monkeypatch):
    """Let something happen while a run is under way, once its gates have passed."""

    def happen(what):
        compare = flows.retrain.compare

        def then(*given):
            verdict = compare(*given)
            what()
            return verdict

        monkeypatch.setattr(flows.retrain, "compare", then)

        def no_more():
            monkeypatch.setattr(flows.retrain, "compare", compare)

        return no_more

    return happen


@pytest.mark.parametrize("trigger", ["drift", "by hand"])
@pytest.mark.parametrize("serving", [True, False], ids=["challenger", "first model"])
def test_on_a_line_that_was_stopped_meanwhile_nothing_opens_until_it_is_resumed(
    stage, old, model, serving, trigger
):
    if serving:
        stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger=trigger, override="let me")
    stopped(stage.project, "the feed is broken")
    said = held(stage, run, model)
    assert ("sixgates resume --project loans-small" in said.reason, said.until) == (True, None)
    again = stage.begin(trigger=trigger)
    assert (type(again), "the feed is broken" in again.reason) == (Held, True)
    resumed(stage.project, "it is whole again")
    again = stage.begin(trigger=trigger)
    assert again.id == run.id
    route = stage.release(again, model)
    assert (route.step, route.release) == (Step.SHADOW if serving else Step.COLD_START, run.id)
    assert len(stage.entries(Kind.RELEASE)) == 1


@pytest.mark.parametrize("trigger", ["drift", "by hand"])
def test_a_freeze_that_began_meanwhile_holds_until_it_ends_by_itself(stage, old, model, trigger):
    stage.play("frozen", governor=WEEKEND)
    stage.route(Step.COLD_START, old, release="r0")
    sunday = stage.world.clock.moment
    stage.world.clock.moment -= timedelta(minutes=1)
    run = stage.begin(trigger=trigger)
    stage.world.clock.moment = sunday
    assert held(stage, run, model).until == sunday + timedelta(days=1)
    stage.world.clock.moment = sunday + timedelta(hours=23)
    assert isinstance(stage.begin(trigger=trigger), Held)
    stage.world.clock.moment = run.at + STALE_AFTER
    insists = stage.begin(trigger="by hand", override="a wave of fraud")
    assert stage.release(insists, model).release == run.id


def test_a_short_freeze_costs_no_second_training(stage, old, model):
    stage.play("frozen", governor={"freeze": ("Sun 00:00 - Sun 06:00",)})
    stage.route(Step.COLD_START, old, release="r0")
    stage.world.clock.moment -= timedelta(minutes=1)
    run = stage.begin(trigger="schedule")
    stage.world.clock.moment += timedelta(minutes=1)
    stage.world.clock.moment = held(stage, run, model).until
    again = stage.begin(trigger="schedule")
    assert again == run
    assert stage.release(again, model).step is Step.SHADOW


def test_in_a_freeze_what_a_person_insists_on_opens(stage, old, model):
    stage.play("frozen", governor=WEEKEND)
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand", override="a wave of fraud")
    assert stage.release(run, model).step is Step.SHADOW


@pytest.mark.parametrize("trigger", ["drift", "by hand"])
def test_after_a_rollback_an_automatic_run_opens_nothing_until_acknowledged(
    stage, old, new, model, trigger
):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.CONFIRMED, new, release="r1")
    run = stage.begin(trigger=trigger)
    rollback(stage.project, "complaints", None)
    if trigger == "drift":
        said = held(stage, run, model)
        assert "sixgates acknowledge --project loans-small" in said.reason
        assert said.until == stage.world.clock.now() + timedelta(days=1)
        acknowledged(stage.project, "a bad join, mended")
        run = stage.begin(trigger=trigger)
    assert stage.release(run, model).step is Step.SHADOW


def test_a_person_who_takes_up_an_automatic_run_opens_it_in_a_hold(stage, old, model):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="drift")
    stage.route(Step.ROLLED_BACK, old, release="r0")
    held(stage, run, model)
    assert isinstance(stage.begin(trigger="schedule"), Held)
    again = stage.begin(trigger="by hand")
    assert (again.id, again.trigger) == (run.id, "by hand")
    assert stage.release(again, model).step is Step.SHADOW


def test_a_stop_that_lands_at_the_last_moment_is_obeyed(stage, old, model, monkeypatch):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand")
    append_decided = release.fn.__globals__["append_decided"]

    def stop_first(*given, **named):
        stopped(stage.project, "the feed is broken")
        return append_decided(*given, **named)

    monkeypatch.setitem(release.fn.__globals__, "append_decided", stop_first)
    held(stage, run, model)


def test_a_run_that_was_answered_at_the_last_moment_opens_nothing(stage, old, model, monkeypatch):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand")
    stage.compare(run)
    append_decided = release.fn.__globals__["append_decided"]

    def answer_first(*given, **named):
        stage.world.ledger.append(
            stage.model, Kind.ANSWER, at=run.at, release=run.id, reason="another policy",
            body={"alert": None, "ending": "broken"},
        )  # fmt: skip
        return append_decided(*given, **named)

    monkeypatch.setitem(release.fn.__globals__, "append_decided", answer_first)
    assert stage.release(run, model) == Broken("another policy")
    assert stage.world.ledger.route(stage.model).step is Step.COLD_START
    assert stage.entries(Kind.RELEASE) == []
    (answer,) = stage.entries(Kind.ANSWER)
    assert answer.reason == "another policy"


def broken_off(stage, run, said):
    """A run was answered as one that cannot open its release, and nothing of it is open."""
    assert isinstance(said, Broken)
    assert "another champion serves than the one it was compared with" in said.reason
    assert f"`sixgates retrain --project {stage.project}`" in said.reason
    assert run.id not in {route.release for route in stage.world.ledger.routes(stage.model)}
    assert stage.entries(Kind.RELEASE) == []
    (answer,) = stage.world.ledger.entries(stage.model, kind=Kind.ANSWER, release=run.id)
    assert (answer.reason, answer.body) == (said.reason, {"alert": run.alert, "ending": "broken"})
    assert stage.world.registry.ended[run.tracking] == ("KILLED", said.reason)
    assert stage.world.ledger.unfinished(stage.model) == []
    assert dead_runs(stage.world, stage.model) == set()
    fresh = stage.begin(trigger="by hand")
    assert fresh.id != run.id


def test_beside_a_champion_it_was_not_compared_with_nothing_opens(stage, old, new, model):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.CONFIRMED, new, release="r1")
    run = stage.begin(trigger="by hand")
    stage.compare(run)
    rollback(stage.project, "complaints", None)
    broken_off(stage, run, stage.release(run, model))


def test_a_champion_that_came_where_none_was_is_another_one_too(stage, old, model):
    run = stage.begin(trigger="by hand")
    stage.compare(run)
    stage.route(Step.COLD_START, old, release="r0")
    said = stage.release(run, model)
    assert f"{old.digest[:12]}, and not none" in said.reason
    broken_off(stage, run, said)


def test_a_rollback_that_lands_at_the_last_moment_breaks_the_run_off(
    stage, old, new, model, monkeypatch
):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.CONFIRMED, new, release="r1")
    run = stage.begin(trigger="by hand")
    stage.compare(run)
    append_decided = release.fn.__globals__["append_decided"]

    def roll_back_first(*given, **named):
        rollback(stage.project, "complaints", None)
        return append_decided(*given, **named)

    with monkeypatch.context() as patch:
        patch.setitem(release.fn.__globals__, "append_decided", roll_back_first)
        with pytest.raises(LostRaceError):  # which Prefect tries again
            stage.release(run, model)
    broken_off(stage, run, stage.release(run, model))


def test_what_is_held_is_broken_off_when_it_is_taken_up_and_its_alert_is_not_lost(
    stage, old, new, model
):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.CONFIRMED, new, release="r1")
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    run = stage.begin(trigger="drift", alert=alert)
    stage.compare(run)
    rollback(stage.project, "complaints", None)
    held(stage, run, model)
    acknowledged(stage.project, "a bad join, mended")
    cooling = stage.begin(trigger="drift", alert=alert)
    (answer,) = stage.world.ledger.entries(stage.model, kind=Kind.ANSWER, release=run.id)
    assert answer.body["ending"] == "broken"
    stage.world.clock.moment = cooling.until
    fresh = stage.begin(trigger="drift", alert=alert)
    assert (fresh.id != run.id, fresh.alert) == (True, alert)


def test_a_retry_of_what_was_broken_off_answers_it_once(stage, old, model, monkeypatch):
    run = stage.begin(trigger="by hand")
    stage.compare(run)
    stage.route(Step.COLD_START, old, release="r0")
    with monkeypatch.context() as patch:
        patch.setattr(stage.world.registry, "end_run", _raise(TransientError("away")))
        with pytest.raises(TransientError):
            stage.release(run, model)
    broken_off(stage, run, stage.release(run, model))


def test_without_the_word_of_gate_4_nothing_opens(stage, old, model):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand")
    with pytest.raises(ContractError, match=f"gate 4 has not spoken on run {run.id}: take it"):
        release.fn(run, model, "good enough")
    assert len(stage.world.ledger.routes(stage.model)) == 1


def test_a_rollback_during_a_retrain_ends_it_as_broken(stage, walk, during):
    stage.play("walk", **SERVE)
    assert walk()[0] == "Released"
    serving = stage.world.ledger.route(stage.model).champion
    stage.route(Step.CONFIRMED, Version("9", "9" * 64), release="r1")
    stage.route(Step.CONFIRMED, serving, release="r2")
    stage.write(stage.rows.head(stage.rows.height - 300))
    during(lambda: rollback(stage.project, "complaints", "9"))
    name, message = walk()
    assert (name, "another champion serves" in message) == ("Broken", True)
    assert stage.entries(Kind.ANSWER)[-1].body["ending"] == "broken"
    assert not stage.world.ledger.route(stage.model).is_open


def test_a_run_that_died_after_it_was_taken_up_is_not_said_to_wait(stage, old, model):
    stage.route(Step.COLD_START, old, release="r0")
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    run = stage.begin(trigger="drift", alert=alert)
    stopped(stage.project, "the feed is broken")
    held(stage, run, model)
    resumed(stage.project, "it is whole again")
    assert stage.begin(trigger="drift", alert=alert).id == run.id
    name = f"run:{stage.model}"
    stage.world.ledger.give_back(name, stage.world.ledger.lease(name).owner)  # it dies
    raised = raise_alert.fn(stage.project, stage.data, LOUD, announce=True)
    assert raised == Raised(alert, f"alert {alert}: its run died, and is asked for again")


def test_a_retry_of_what_was_held_records_it_once(stage, old, model, monkeypatch):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand")
    stopped(stage.project, "the feed is broken")
    land = put_off_globals()["land"]
    monkeypatch.setitem(put_off_globals(), "land", _raise(TransientError("away")))
    with pytest.raises(TransientError):
        stage.release(run, model)
    monkeypatch.setitem(put_off_globals(), "land", land)
    held(stage, run, model)
    assert len(stage.entries(Kind.ANSWER)) == 1


def test_a_release_that_is_open_is_not_held_by_a_retry_of_its_opening(stage, old, model):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin(trigger="by hand")
    route = stage.release(run, model)
    stopped(stage.project, "the feed is broken")
    assert stage.release(run, model) == route


def test_a_challenger_that_was_held_opens_by_the_same_verdicts_and_its_alert_asks_for_it(
    stage, walk, during
):
    stage.play("walk", **SERVE)
    assert walk()[0] == "Released"
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    stage.write(stage.rows.head(stage.rows.height - 300))  # so that another model follows
    no_more = during(lambda: stopped(stage.project, "the feed is broken"))
    name, message = walk(alert=alert, trigger="drift")
    assert (name, "sixgates resume" in message) == ("Held", True)
    said, run = stage.entries(Kind.VERDICT), stage.entries(Kind.RUN)[-1].release
    no_more()

    resumed(stage.project, "it is whole again")
    raised = raise_alert.fn(stage.project, stage.data, LOUD, announce=True)
    said_so = f"alert {alert}: its run waits to open its release, and is asked for again"
    assert raised == Raised(alert, said_so)
    assert walk(alert=alert, trigger="drift") == ("Released", "version 2: shadow")

    route = stage.world.ledger.route(stage.model)
    assert (route.step, route.release) == (Step.SHADOW, run)
    assert stage.entries(Kind.VERDICT) == said
    assert len(stage.entries(Kind.RUN)) == 2
    endings = [(e.release, e.body["ending"]) for e in stage.entries(Kind.ANSWER)][1:]
    assert endings == [("", "held"), (run, "released")]
    standing, (entries, routes) = read_standing(stage.world.ledger, stage.model), stage.history()
    assert standing.refused == ()
    assert refused_before(entries, routes, route.beside.version.digest, run="r9") is None
    assert stage.world.registry.marks == {}
    assert stage.world.ledger.unfinished(stage.model) == []


def test_what_was_held_for_too_long_makes_way_for_a_run_on_newer_data_without_a_person(
    stage, walk, during
):
    stage.play("walk", **SERVE)
    walk()
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    stage.write(stage.rows.head(stage.rows.height - 300))
    no_more = during(lambda: stopped(stage.project, "the feed is broken"))
    walk(alert=alert, trigger="drift")
    held_run = stage.entries(Kind.RUN)[-1].release
    no_more()
    stage.world.clock.moment += STALE_AFTER + timedelta(seconds=1)
    assert walk(alert=alert, trigger="drift")[0] == "Held"  # too old now, and nothing may begin
    (broken,) = stage.world.ledger.entries(stage.model, kind=Kind.ANSWER, release=held_run)
    assert (broken.body["ending"], "too old to go on" in broken.reason) == ("broken", True)
    resumed(stage.project, "it is whole again")
    assert raise_alert.fn(stage.project, stage.data, LOUD, announce=True).alert == alert
    assert walk(alert=alert, trigger="drift")[0] == "Released"
    assert stage.entries(Kind.RUN)[-1].release != held_run
    assert read_standing(stage.world.ledger, stage.model).refused == ()


def put_off_globals():
    return release.fn.__globals__["put_off"].__globals__


def _raise(exc):
    def call(*_, **__):
        raise exc

    return call
