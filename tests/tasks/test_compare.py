from dataclasses import replace

import polars as pl
import pytest

from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.lightgbm_trainer import train
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.timesplit import time_split
from sixgates.gates.verdict import Outcome
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.answer import answer
from tasks.compare import compare
from tasks.retrain import train_challenger
from tasks.run import project_of


@pytest.fixture
def trained(stage):
    run, dataset = stage.validated()
    return run, dataset, train_challenger.fn(run, dataset).model


def version(model):
    return Version(model.version, model.digest)


def test_a_challenger_as_good_as_the_champion_passes(stage, trained):
    run, dataset, model = trained
    stage.route(Step.COLD_START, version(model))
    verdict = compare.fn(run, dataset, model)
    assert verdict.passed
    assert stage.verdicts()[-1] == ("compare", "pass")


def test_a_worse_challenger_is_refused(stage, trained):
    run, dataset, champion = trained
    stage.route(Step.COLD_START, version(champion))
    upside_down = read_dataset(dataset).with_columns(defaulted=1 - pl.col("defaulted"))
    project = project_of(run.project)
    worse = train(project, time_split(upside_down, project, dataset.as_of))
    stage.world.models.put(worse.text, worse.card)
    verdict = compare.fn(run, dataset, replace(champion, version="2", digest=worse.card.digest))
    assert verdict.outcome is Outcome.FAIL
    assert "the challenger is worse" in verdict.reason
    assert stage.verdicts()[-1] == ("compare", "fail")
    every = stage.entries(Kind.VERDICT)[-1].body["differences"][0]  # for its picture
    assert (every["rows"], every["high"]) == ("all rows", verdict.checks[0].seen)


def test_a_challenger_that_forgot_a_class_of_the_champion_is_refused(stage, trained):
    run, dataset, model = trained
    text, card = stage.world.models.get(run.model, model.digest)
    stage.route(Step.COLD_START, version(model))
    stage.world.models.put(text, replace(card, classes=("probe",)))
    later = train(
        project_of(run.project).model_copy(update={"trainer": {"num_leaves": 4}}),
        time_split(read_dataset(dataset), project_of(run.project), dataset.as_of),
    )
    stage.world.models.put(later.text, later.card)
    verdict = compare.fn(run, dataset, replace(model, version="2", digest=later.card.digest))
    assert verdict.outcome is Outcome.FAIL
    assert "the challenger never saw probe, which the champion learned" in verdict.reason


@pytest.mark.parametrize(("policy", "outcome"), [("refuse", "fail"), ("serve", "pass")])
def test_without_a_champion_the_policy_decides(stage, policy, outcome):
    stage.play(policy, comparison={"cold_start": policy})
    run, dataset = stage.validated()
    verdict = compare.fn(run, dataset, train_challenger.fn(run, dataset).model)
    assert verdict.outcome == outcome
    assert "no champion yet" in verdict.reason


def test_a_gateway_that_serves_something_else_stops_the_comparison(stage, trained):
    run, dataset, model = trained
    stage.route(Step.COLD_START, version(model))
    (serving,) = stage.world.traffic.serving(run.model)
    stage.world.traffic.stuck_on = replace(serving, champion_digest="")
    with pytest.raises(ContractError, match="http://gateway serves nothing, the ledger says"):
        compare.fn(run, dataset, model)
    assert stage.verdicts()[-1] == ("retrain", "pass")


def test_a_gateway_that_is_silent_is_asked_again_later(stage, trained):
    run, dataset, model = trained
    stage.route(Step.COLD_START, version(model))
    stage.world.traffic.silent = True
    with pytest.raises(TransientError):
        compare.fn(run, dataset, model)


def test_a_champion_that_cannot_be_read_is_never_a_pass(stage, trained, old):
    run, dataset, model = trained
    stage.route(Step.COLD_START, old)
    with pytest.raises(ContractError, match="the model store lacks"):
        compare.fn(run, dataset, model)


def test_a_model_that_was_refused_before_is_refused_again_unless_a_person_says_so(stage):
    stage.play("stern", comparison={"cold_start": "refuse"})
    run, dataset = stage.validated()
    model = train_challenger.fn(run, dataset).model
    first = compare.fn(run, dataset, model)
    answer.fn(run, "refused at compare", first.reason, model)

    again, dataset = stage.validated(trigger="by hand")
    same = train_challenger.fn(again, dataset).model
    assert same.digest == model.digest
    refused = compare.fn(again, dataset, same)
    assert refused.outcome is Outcome.FAIL
    assert refused.reason == (
        f"this very model was refused at compare in run {run.id}: {first.reason};"
        " offer it again with --override REASON"
    )
    assert compare.fn(again, dataset, same) == refused
    answer.fn(again, "refused at compare", refused.reason, same)

    asked = {"trigger": "by hand", "override": "the policy was wrong"}
    insisted, dataset = stage.validated(**asked)
    assert stage.entries(Kind.RUN)[-1].body["insisted"] == "the policy was wrong"
    assert insisted.override == "the policy was wrong"
    verdict = compare.fn(insisted, dataset, train_challenger.fn(insisted, dataset).model)
    assert verdict == first  # judged on its merits
