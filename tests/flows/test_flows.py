"""Flows against real parts: Prefect, MLflow on SQLite, a ledger, and gateway processes."""

import json
from datetime import timedelta

import polars as pl
import pytest
from prefect import flow

from flows.release import release
from flows.retrain import retrain
from flows.six_gates import six_gates
from flows.watch import watch
from simulation.faults import Garbage, as_stored
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.run import begin

pytestmark = pytest.mark.slow


def mlflow_run(town, entry):
    from mlflow import MlflowClient

    uri = town.outside.settings.mlflow_uri
    return MlflowClient(uri, uri).get_run(entry.body["tracking"])


def told(town):
    """What people were told of the model, oldest first."""
    lines = (town.outside.settings.home / "notifications.jsonl").read_text().splitlines()
    messages = [json.loads(line) for line in lines]
    assert len({message["id"] for message in messages}) == len(messages)
    return [message["outcome"] for message in messages if message["model"] == town.model]


def counted(monkeypatch, owner, name, *faults):
    """Count the calls of a method; the first ones meet the faults."""
    calls, original = [], getattr(owner, name)

    def call(self, *given, **named):
        calls.append(name)
        if len(calls) <= len(faults):
            raise faults[len(calls) - 1]
        return original(self, *given, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


@pytest.mark.parametrize(
    ("gate", "overrides", "words"),
    [
        (Gate.VALIDATE, {}, "quarantined share"),
        (Gate.RETRAIN, {"training": {"max_seconds": 1e-9}}, "training seconds"),
        (Gate.EVALUATE, {"evaluation": {"max_loss": 0.05}}, "> limit 0.05"),
        (Gate.COMPARE, {"comparison": {"cold_start": "refuse"}}, "no champion yet"),
    ],
)
def test_each_gate_may_refuse_and_the_walk_ends_there(town, gate, overrides, words):
    here = town(f"stopped-{gate}", **overrides)
    if gate is Gate.VALIDATE:
        garbage = Garbage(from_day=15, share=0.6)
        here.write(as_stored(here.frame, here.world.start, (garbage,), seed=1))

    state = here.retrain(alert=5)

    assert (state.name, state.is_completed()) == ("Rejected", True)
    assert state.message.startswith(f"gate {gate.number}, {gate}: ")
    assert words in state.message
    walked = [g for g in Gate if g.number < gate.number]
    assert here.verdicts() == [*((g, "pass") for g in walked), (gate, "fail")]
    assert here.answers() == [(5, f"refused at {gate}")]
    assert told(here) == ["refused"]
    assert here.ledger.route(here.model) is None
    assert here.outside.registry.aliases(here.model) == {}

    (begun,) = here.ledger.entries(here.model, kind=Kind.RUN)
    tracked = mlflow_run(here, begun)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.tags[f"gate.{gate}"] == "fail"
    assert words in tracked.data.tags["reason"]


def test_a_challenger_walks_from_shadow_to_confirmed(town):
    here = town("story")
    first = here.retrain()
    assert (first.name, here.answers()) == ("Released", [(None, "released")])
    cold = here.ledger.route(here.model)
    assert (cold.step, here.outside.registry.aliases(here.model)) == (
        Step.COLD_START, {"champion": "1"},
    )  # fmt: skip
    assert here.tick().name == "Idle"

    with here.gateway() as url, here.replay(url) as replay:
        assert here.serving().champion_digest == cold.champion.digest
        here.live(replay, 20, 26)
        asked = here.ledger.append(here.model, Kind.ALERT, at=cold.at, reason="it moved")
        assert here.retrain(alert=asked).message == "version 2: shadow"
        assert here.answers()[-1] == (asked, "released")
        shadow = here.serving()
        assert (shadow.epoch, shadow.champion, shadow.beside, shadow.share) == (2, "1", "2", 0.0)

        assert here.tick().name == "Shadowing"
        before = here.history()
        assert here.tick().name == "Shadowing"
        assert here.history() == before

        second = here.retrain(trigger="impatience")
        assert second.name == "Busy"
        assert "is under way (shadow)" in second.message
        assert here.answers()[-1] == (None, "busy")
        assert len(here.ledger.routes(here.model)) == 2
        assert here.retrain(alert=asked).message == f"alert {asked} has its run already"

        here.live(replay, 26, 33)  # five matured days of pairs
        assert here.tick().name == "Canary"
        assert (here.serving().share, here.serving().arm) == (0.5, "canary")

        here.live(replay, 33, 38)
        state = here.tick()
        assert state.name == "Promoted", state.message
        promoted = here.serving()
        assert (promoted.champion, promoted.beside, promoted.arm) == ("2", "1", "holdback")
        assert here.outside.registry.aliases(here.model) == {"champion": "2", "previous": "1"}

        here.live(replay, 38, 40)
        assert here.tick().name == "Promoted"
        here.live(replay, 40, 44)
        state = here.tick()
        assert state.name == "Confirmed", state.message
        assert here.serving().beside == ""
        assert here.tick().name == "Idle"

    routes = here.ledger.routes(here.model)
    assert [r.epoch for r in routes] == [1, 2, 3, 4, 5]
    proofs = here.ledger.entries(here.model, kind=Kind.PROOF)
    assert {p.body["epoch"] for p in proofs if p.body["proved"]} == {
        2,
        3,
        4,
        5,
    }  # 1: no gateway yet
    gates = [gate for gate, _ in here.verdicts()]
    assert gates == [*list(Gate)[:4] * 2, *["canary"] * 3, *["monitor"] * 2]
    assert told(here) == ["cold_start", "opened", "busy", "promoted", "confirmed"]


def test_a_version_that_a_gateway_refuses_never_shadows(town, monkeypatch):
    here = town("probed")
    here.retrain()
    with here.gateway():
        said = ["http://gateway: probe 3 answers 0.4 and not 0.5"]
        monkeypatch.setattr(GatewayTraffic, "prove", lambda *_: said)
        here.at(26)
        state = here.retrain()
        assert (state.name, state.message) == ("Rejected", f"gate 5, canary: {said[0]}")
        assert here.answers()[-1] == (None, "refused at canary")
        assert here.serving().beside == ""
    assert len(here.ledger.routes(here.model)) == 1


def test_a_broken_run_fails_and_says_so_in_the_ledger(town, monkeypatch):
    here = town("broken")
    looked = counted(monkeypatch, ProjectLake, "check")
    state = retrain(here.path, "nowhere.parquet", return_state=True)
    assert state.is_failed()
    with pytest.raises(ConfigurationError, match=r"there is no data at nowhere\.parquet"):
        state.result()
    assert len(looked) == 1
    entry, said = here.ledger.entries(here.model)
    assert (entry.kind, entry.body["ending"]) == (Kind.ANSWER, "broken")
    assert (said.kind, told(here)) == (Kind.NOTIFICATION, ["broken"])
    assert entry.reason.startswith("retrain broke: ")
    assert "nowhere.parquet" in entry.reason


@pytest.mark.parametrize(
    ("fault", "calls", "name"),
    [
        (TransientError("the registry did not answer"), 2, "Released"),
        (ContractError("the registry lies"), 1, "Failed"),
        (ValueError("a bug"), 1, "Failed"),
    ],
)
def test_only_an_outage_is_tried_again(town, monkeypatch, fault, calls, name):
    here = town(f"outage-{type(fault).__name__.lower()}")
    asked = counted(monkeypatch, MlflowRegistry, "start_run", fault)
    assert here.retrain().name == name
    assert len(asked) == calls
    assert len(here.ledger.entries(here.model, kind=Kind.RUN)) == (name == "Released")


def test_a_registry_that_nobody_answers_for_is_given_up_after_three_retries(town, monkeypatch):
    here = town("unreachable")
    monkeypatch.setenv("SIXGATES_MLFLOW_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    looked = counted(monkeypatch, ProjectLake, "check")

    @flow
    def only_begin():
        return begin.with_options(retry_delay_seconds=0)(here.path, here.data, None, "test")

    state = only_begin(return_state=True)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:9 did not answer"):
        state.result()
    assert len(looked) == 1 + 3
    assert here.ledger.entries(here.model) == []


def test_the_watch_alerts_when_the_inputs_move_and_is_quiet_before(town):
    here = town("watched")
    assert watch(here.path, here.data, return_state=True).is_failed()  # nothing serves yet
    here.retrain()
    assert watch(here.path, here.data, return_state=True).name == "Quiet"
    moved = pl.when(pl.col("ts") > here.world.moment(20)).then(pl.col("income") * 3)
    here.write(here.frame.with_columns(moved.otherwise("income")))
    here.at(26)
    alerted = watch(here.path, here.data, return_state=True)
    assert alerted.name == "Alerted"
    (alert,) = here.ledger.entries(here.model, kind=Kind.ALERT)
    assert alerted.message.startswith(f"alert {alert.seq}: inputs moved: stability index")
    again = watch(here.path, here.data, return_state=True)  # nobody answered
    assert again.message.startswith(f"alert {alert.seq} is unanswered")
    assert len(here.ledger.entries(here.model, kind=Kind.ALERT)) == 1


def test_the_attached_run_ends_as_its_last_step_did(town, monkeypatch):
    here = town("attached")
    state = six_gates(here.path, here.data, 0.0, return_state=True)
    assert (state.name, state.is_completed()) == ("Idle", True)  # a first model just serves

    refused = town("attached-refused", evaluation={"max_loss": 0.05})
    state = six_gates(refused.path, refused.data, 0.0, return_state=True)
    assert (state.name, state.is_completed()) == ("Rejected", True)

    broken = town("attached-broken")
    fault = ContractError("the ledger was tampered with")
    counted(monkeypatch, GatewayTraffic, "follow", fault, fault)
    monkeypatch.setattr("tasks.tick.bring_in_line", _raise(fault))
    state = six_gates(broken.path, broken.data, 0.0, return_state=True)
    assert state.is_failed()


def _raise(exc):
    def call(*_):
        raise exc

    return call


def test_a_tick_of_a_model_that_nobody_serves_fails_with_the_way_out(town):
    here = town("nobody")
    with pytest.raises(ConfigurationError, match="sixgates retrain --project loans-nobody"):
        release(here.path)


def test_an_expired_deadline_leaves_the_champion(town):
    here = town("late", canary={"deadline": timedelta(days=3)})
    here.retrain()
    with here.gateway():
        here.at(26)
        assert here.retrain().name == "Released"
        here.at(30)
        assert here.tick().name == "Expired"
        assert (here.serving().champion, here.serving().beside) == ("1", "")
        tags = here.outside.registry._client().get_model_version(here.model, "2").tags
        assert "the deadline passed" in tags["refused"]
