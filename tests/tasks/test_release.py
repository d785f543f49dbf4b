import pytest

from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.ports import ModelRef
from sixgates.gates.verdict import Outcome
from sixgates.ledger.ledger import Kind, LostRaceError
from sixgates.ledger.route import Step, Version
from tasks.release import prove


@pytest.fixture
def run(stage):
    return stage.begin()


@pytest.fixture
def model(stage, run):
    stage.world.registry.older.add((run.model, "2"))
    return ModelRef(run.model, "2", "b" * 64, run.tracking)


def test_a_first_model_may_come_before_its_first_gateway(stage, run, model):
    stage.world.traffic.silent = True
    assert prove.fn(run, model).passed


def test_a_version_that_answers_otherwise_than_it_was_trained_is_refused(stage, run, model, old):
    stage.route(Step.COLD_START, old)
    stage.world.ledger.announce(run.model, "http://gateway")
    assert prove.fn(run, model).passed
    assert stage.verdicts() == []
    stage.world.traffic.refusals = ["http://gateway: probe 3 answers 0.4 and not 0.5"]
    verdict = prove.fn(run, model)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "http://gateway: probe 3 answers 0.4 and not 0.5"
    assert stage.verdicts() == [("canary", "fail")]


def test_no_gateway_to_prove_it_is_no_proof(stage, run, model, old):
    stage.route(Step.COLD_START, old)
    stage.world.traffic.silent = True
    with pytest.raises(TransientError):
        prove.fn(run, model)


def test_a_first_model_serves_and_becomes_the_champion(stage, run, model):
    route = stage.release(run, model)
    assert (route.epoch, route.step, route.release) == (1, Step.COLD_START, run.id)
    assert route.champion == Version("2", "b" * 64)
    assert stage.world.ledger.route(run.model) == route
    assert stage.world.registry.pointing == {run.model: {"champion": "2"}}


def test_a_challenger_is_put_in_shadow(stage, run, model, old):
    stage.route(Step.COLD_START, old, release="r0")
    stage.world.traffic.unlogged = 4
    route = stage.release(run, model)
    assert (route.epoch, route.step, route.champion) == (2, Step.SHADOW, old)
    assert (route.beside.version.number, route.beside.share) == ("2", 0.0)
    (opening,) = stage.entries(Kind.RELEASE)
    assert opening.body == {
        "tracking": "t1", "project": stage.project, "unlogged": {"http://gateway": 4},
    }  # fmt: skip
    assert stage.world.registry.pointing[run.model] == {"champion": "1", "challenger": "2"}
    (proof,) = stage.entries(Kind.PROOF)
    assert (proof.body["epoch"], proof.body["proved"], proof.body["trouble"]) == (2, True, [])


def test_a_retry_after_the_route_was_appended_changes_nothing(stage, run, model, old):
    stage.route(Step.COLD_START, old, release="r0")
    first = stage.release(run, model)
    before = stage.history()
    assert stage.release(run, model) == first
    assert stage.history() == before


def test_a_release_that_another_controller_opened_meanwhile_is_not_overrun(
    stage, run, model, old, new
):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.SHADOW, old, new, release="theirs")
    with pytest.raises(ContractError, match="release theirs of loans-small is under way"):
        stage.release(run, model)
    assert stage.world.ledger.route(run.model).release == "theirs"


def test_a_race_for_the_epoch_is_lost_as_something_to_try_again(
    stage, run, model, old, monkeypatch
):
    stage.route(Step.COLD_START, old, release="r0")
    stale = stage.world.ledger.route(run.model)
    stage.route(Step.CONFIRMED, old, release="theirs")
    with monkeypatch.context() as patch:
        patch.setattr(type(stage.world.ledger), "route", lambda *_: stale)
        with pytest.raises(LostRaceError):
            stage.release(run, model)
    assert stage.release(run, model).epoch == 3


@pytest.mark.parametrize("silent", [True, False])
def test_what_cannot_follow_does_not_undo_the_decision(stage, run, model, silent):
    registry, traffic = stage.world.registry, stage.world.traffic
    if silent:
        traffic.serving = lambda _model: []
        traffic.follow = _raise(TransientError("no gateway answers: start one"))
    else:
        registry.set_aliases = _raise(ConfigurationError("the registry lacks the model: restore"))
    route = stage.release(run, model)
    assert stage.world.ledger.route(run.model) == route
    (proof,) = stage.entries(Kind.PROOF)
    assert proof.body["proved"] is not silent
    assert len(proof.body["trouble"]) == 1


def _raise(exc):
    def call(*_):
        raise exc

    return call
