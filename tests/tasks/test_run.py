import json

import pytest

from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.ports import ModelRef
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.answer import answer
from tasks.run import Busy, Run, project_of


def test_a_run_is_on_record_before_it_does_anything(stage):
    run = stage.begin(trigger="drift", alert=7)
    assert run == Run(
        run.id, stage.project, stage.data, "loans-small", "t1", 7, stage.world.clock.now(),
        trigger="drift",
    )  # fmt: skip
    (entry,) = stage.entries()
    assert (entry.kind, entry.release, entry.reason) == (Kind.RUN, run.id, "drift")
    assert entry.body == {
        "trigger": "drift", "alert": 7, "data": stage.data, "project": stage.project,
        "tracking": "t1",
        "training": project_of(stage.project).policies.training.model_dump(mode="json"),
    }  # fmt: skip
    tracked = stage.world.registry.runs["t1"]
    assert (tracked["name"], tracked["trigger"]) == (run.id, "drift")
    assert len(tracked["lock"]) == 64
    assert tracked["code"]


def test_the_tracking_run_says_why_it_was_asked_for_in_figures(stage):
    signals = [{"name": "inputs", "alert": True, "seen": 4845.0, "limit": 2920.0}]
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="inputs moved",
        body={"signals": signals, "since": "2026-01-20T00:00:00"},
    )  # fmt: skip
    run = stage.begin(trigger="drift", alert=alert)
    tracked = stage.world.registry.runs[run.tracking]
    assert (tracked["alert"], tracked["alert.reason"]) == (str(alert), "inputs moved")
    assert json.loads(tracked["alert.signals"]) == signals
    assert tracked["alert.since"] == "2026-01-20T00:00:00"


@pytest.mark.parametrize("body", [{"signals": []}, {"signals": [], "since": None}])
def test_an_alert_that_does_not_say_since_when_is_tracked_without(stage, body):
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="inputs moved", body=body
    )
    run = stage.begin(trigger="drift", alert=alert)
    assert "alert.since" not in stage.world.registry.runs[run.tracking]


@pytest.mark.parametrize("step", [Step.SHADOW, Step.CANARY, Step.PROMOTED])
def test_no_run_begins_beside_an_open_release_and_its_alert_is_answered(stage, old, new, step):
    stage.route(step, old, new)
    busy = stage.begin(alert=7)
    assert busy == Busy(f"release r1 is under way ({step}): no second one beside it")
    (entry,) = stage.entries()
    assert (entry.kind, entry.reason) == (Kind.ANSWER, busy.reason)
    assert (entry.body["alert"], entry.body["ending"]) == (7, "busy")
    assert stage.world.registry.runs == {}


@pytest.mark.parametrize("step", [Step.COLD_START, Step.CONFIRMED, Step.EXPIRED])
def test_a_run_begins_once_the_release_has_ended(stage, old, step):
    stage.route(step, old)
    assert isinstance(stage.begin(), Run)


def test_an_alert_that_arrives_twice_gets_one_run(stage):
    run = stage.begin(alert=7)
    before = stage.history()
    assert stage.begin(alert=7) == Busy("alert 7 has its run already")
    assert stage.history() == before
    for asked in ({"alert": 8}, {}, {}):
        answer.fn(run, "refused at compare", "worse")
        run = stage.begin(trigger="by hand", **asked)
        assert isinstance(run, Run)


def test_data_that_is_not_there_stops_the_run_before_it_is_on_record(stage):
    with pytest.raises(ConfigurationError, match="there is no data at"):
        stage.begin(data="nowhere.parquet")
    assert stage.entries() == []
    assert stage.world.registry.runs == {}


def test_a_registry_that_is_away_leaves_no_record_of_a_run(stage):
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        stage.begin()
    assert stage.entries() == []
    assert isinstance(stage.begin(), Run)


def test_an_answer_names_its_alert_and_closes_the_tracking_run(stage):
    run = stage.begin(alert=7)
    answer.fn(run, "released", "version 2 is in step shadow")
    (entry,) = stage.entries(Kind.ANSWER)
    assert (entry.release, entry.reason) == (run.id, "version 2 is in step shadow")
    assert entry.body == {"alert": 7, "ending": "released"}
    assert stage.world.registry.ended == {"t1": ("FINISHED", "version 2 is in step shadow")}
    assert stage.world.registry.marks == {}


def test_a_refused_version_is_marked_with_the_reason(stage):
    run = stage.begin()
    answer.fn(run, "refused at compare", "x" * 900, ModelRef(run.model, "4", "d", "t1"))
    assert stage.world.registry.marks == {("loans-small", "4"): {"refused": "x" * 500}}


def test_an_answer_that_is_tried_again_is_on_record_once(stage):
    run = stage.begin()
    stage.world.registry.end_run = _first_fails(stage.world.registry.end_run)
    with pytest.raises(TransientError):
        answer.fn(run, "released", "done")
    answer.fn(run, "released", "done")
    assert len(stage.entries(Kind.ANSWER)) == 1
    assert stage.world.registry.ended == {"t1": ("FINISHED", "done")}


def _first_fails(call):
    tries = []

    def wrapped(*given):
        tries.append(given)
        if len(tries) == 1:
            raise TransientError("away")
        return call(*given)

    return wrapped
