"""A run whose process died: taken up at its gate, or broken off with the reason."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sixgates.gates.governor import BY_HAND
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.answer import answer
from tasks.compare import compare
from tasks.evaluate import evaluate
from tasks.release import release
from tasks.resume import STALE_AFTER, dead_runs
from tasks.retrain import train_challenger
from tasks.run import Busy, Held, Run
from tasks.validate import validate
from tasks.watch import raise_alert
from tests.tasks.test_watch import LOUD


@pytest.fixture
def die(stage):
    """End the process that holds the lease of the model's runs, as far as the ledger can tell."""

    def end():
        name = f"run:{stage.model}"
        stage.world.ledger.give_back(name, stage.world.ledger.lease(name).owner)

    return end


def walk(run, gates):
    """Take a run through its first gates; return what the last one left."""
    passed = [validate.fn(run)] if gates else []
    if gates > 1:
        passed.append(train_challenger.fn(run, passed[0].dataset))
    if gates > 2:
        passed += [gate.fn(run, passed[0].dataset, passed[1].model)
                   for gate in (evaluate, compare)[: gates - 2]]  # fmt: skip
    return passed


@pytest.mark.parametrize("gates", range(5))
def test_a_run_goes_on_at_the_gate_where_it_died_and_no_gate_speaks_twice(stage, die, gates):
    stage.play("cold", comparison={"margin": 0.05, "cold_start": "serve"})
    run = stage.begin(alert=7)
    left = walk(run, gates)
    said = stage.entries(Kind.VERDICT)
    die()
    stage.world.clock.moment += timedelta(hours=3)
    again = stage.begin(trigger="by hand")
    assert again == replace(run, trigger="by hand")
    (resumed,) = stage.entries(Kind.RECOVERED)
    gate = list(Gate)[gates]
    assert resumed.reason == f"resumes run {run.id} at gate {gate.number}, {gate}"
    assert walk(again, gates) == left
    assert stage.entries(Kind.VERDICT) == said
    walk(again, 4)
    assert stage.verdicts() == [(gate, "pass") for gate in list(Gate)[:4]]
    answer.fn(again, "released", "done")
    assert stage.entries(Kind.ANSWER)[-1].body == {"alert": 7, "ending": "released"}
    assert dead_runs(stage.world, stage.model) == set()


def test_a_run_without_a_sign_of_life_is_dead_although_its_process_is_there(stage):
    run, ledger, name = stage.begin(), stage.world.ledger, f"run:{stage.model}"
    assert dead_runs(stage.world, stage.model) == set()
    assert ledger.renew(name, ledger.lease(name).owner, 0.0)
    assert dead_runs(stage.world, stage.model) == {run.id}


def test_a_refusal_that_was_on_record_stays_the_verdict(stage, die):
    stage.play("strict", validation={"min_rows": 10**6})
    run = stage.begin()
    refused = validate.fn(run)
    die()
    assert validate.fn(stage.begin(trigger="by hand")) == refused
    assert stage.verdicts() == [("validate", "fail")]


def test_a_run_that_lives_is_not_taken_up(stage):
    run = stage.begin()
    assert dead_runs(stage.world, stage.model) == set()
    assert isinstance(stage.begin(trigger="by hand"), Busy)
    assert stage.entries(Kind.RECOVERED) == []
    assert isinstance(run, Run)


def test_a_run_with_its_release_open_is_only_answered(stage, die, old):
    stage.route(Step.COLD_START, old, release="r0")
    run = stage.begin()
    route = stage.route(Step.SHADOW, old, old, release=run.id)
    die()
    again = stage.begin(trigger="by hand")
    assert again == replace(run, trigger="by hand")
    assert release.fn(again, None, "because") == route


@pytest.mark.parametrize("lost", ["rows", "model", "reference", "changed rows"])
def test_a_run_without_what_its_gates_passed_on_is_broken_and_a_new_one_begins(stage, die, lost):
    run = stage.begin(alert=7)
    validated, trained, _ = walk(run, 3)
    rows = stage.world.settings.runs / run.id / "accepted.parquet"
    assert str(rows) == validated.dataset.path
    if lost == "rows":
        rows.unlink()
    elif lost == "changed rows":
        rows.write_bytes(rows.read_bytes() + b"x")
    elif lost == "model":
        stage.world.models.kept.clear()
    else:
        (found,) = stage.world.settings.store.rglob("*.reference.json")
        assert trained.model.digest in found.name
        found.unlink()
    die()
    fresh = stage.begin(trigger="by hand", alert=7)
    assert isinstance(fresh, Run)
    assert fresh.id != run.id
    (broken,) = stage.entries(Kind.ANSWER)
    assert (broken.release, broken.body) == (run.id, {"alert": 7, "ending": "broken"})
    assert broken.reason.startswith("it ended at gate 4 and cannot go on: ")
    assert stage.world.registry.ended[run.tracking][0] == "KILLED"


def test_a_run_compared_with_a_champion_that_no_longer_serves_is_broken_off(stage, die, old):
    stage.play("cold", comparison={"margin": 0.05, "cold_start": "serve"})
    run = stage.begin()
    walk(run, 4)
    stage.route(Step.COLD_START, old)
    die()
    stage.begin(trigger="by hand")
    (broken,) = stage.entries(Kind.ANSWER)
    assert "another champion serves than the one it was compared with" in broken.reason


def test_a_run_that_died_long_ago_is_broken_off(stage, die):
    run = stage.begin()
    die()
    stage.world.clock.moment += STALE_AFTER + timedelta(seconds=1)
    fresh = stage.begin(trigger="by hand")
    assert fresh.id != run.id
    assert "too old to go on" in stage.entries(Kind.ANSWER)[0].reason


def test_a_run_under_another_training_policy_is_broken_off(stage, die):
    run = stage.begin()
    die()
    stage.play("small2", training={"rounds": 31})
    stage.project = _same_name(stage)
    fresh = stage.begin(trigger="by hand")
    assert fresh.id != run.id
    assert "the training policy is another one" in stage.entries(Kind.ANSWER)[0].reason


@pytest.mark.parametrize("gates", [0, 2])
def test_a_person_who_names_other_data_gets_a_run_of_them(stage, die, gates):
    run = stage.begin(alert=7)
    walk(run, gates)
    die()
    other = str(stage.folder / "other.parquet")
    stage.rows.write_parquet(other)
    again = stage.begin(trigger="by hand", data=other)
    assert (again.id != run.id, again.data) == (True, other)
    (broken,) = stage.entries(Kind.ANSWER)
    assert (broken.release, broken.body) == (run.id, {"alert": 7, "ending": "broken"})
    assert f"it read {stage.data}, and a person asks for a run of {other}" in broken.reason


def test_what_no_person_asks_for_goes_on_with_the_data_of_the_run(stage, die):
    run = stage.begin()
    die()
    other = str(stage.folder / "other.parquet")
    stage.rows.write_parquet(other)
    assert stage.begin(trigger="schedule", data=other) == run


def test_of_several_dead_runs_the_newest_goes_on(stage, die):
    first = stage.begin()
    stage.world.ledger.append(
        stage.model, Kind.RUN, at=first.at, release="a later one", reason="test",
        body=stage.entries(Kind.RUN)[0].body | {"tracking": "t9"},
    )  # fmt: skip
    die()
    again = stage.begin(trigger="by hand")
    assert (again.id, again.tracking) == ("a later one", "t9")
    (broken,) = stage.entries(Kind.ANSWER)
    assert (broken.release, broken.body["ending"]) == (first.id, "broken")
    assert "a later run has begun" in broken.reason


def test_a_stopped_line_keeps_a_dead_run_from_going_on(stage, die):
    run = stage.begin(trigger="drift")
    die()
    stage.world.ledger.append(
        stage.model, Kind.STOPPED, at=run.at, reason="audit", actor="ann", body={}
    )
    held = stage.begin(trigger="drift")
    assert isinstance(held, Held)
    assert "ann: audit" in held.reason
    assert "drift" not in BY_HAND
    stage.world.ledger.append(stage.model, Kind.RESUMED, at=run.at, reason="done", actor="ann")
    assert stage.begin(trigger="drift").id == run.id  # its own cooldown does not bind it


def test_the_watch_announces_an_alert_again_whose_run_died(stage, die, old):
    stage.route(Step.COLD_START, old)
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    stage.begin(alert=alert, trigger="drift")
    raised = raise_alert.fn(stage.project, stage.data, LOUD, announce=True)
    assert (raised.alert, stage.events) == (None, [])
    die()
    raised = raise_alert.fn(stage.project, stage.data, LOUD, announce=True)
    assert (raised.alert, len(stage.events)) == (alert, 1)
    assert raised.sentence == f"alert {alert}: its run died, and is asked for again"


def test_an_alert_that_was_answered_is_not_announced_for_a_dead_run_of_somebody_else(
    stage, die, old
):
    stage.route(Step.COLD_START, old)
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    answer.fn(stage.begin(alert=alert, trigger="drift"), "refused at compare", "no better")
    stage.begin(trigger="by hand")
    die()
    raised = raise_alert.fn(stage.project, stage.data, LOUD, announce=True)
    assert (raised.alert, stage.events) == (None, [])
    assert raised.sentence.startswith("no alert before")


def _same_name(stage):
    """Give the project file of the changed policy the name of the first one."""
    text = (stage.folder / "small2.py").read_text().replace("loans-small2", "loans-small")
    path = stage.folder / "changed.py"
    path.write_text(text)
    return str(path)
