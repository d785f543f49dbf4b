import math
from datetime import timedelta

import lightgbm as lgb
import msgspec
import numpy as np
import pandera.polars as pa
import polars as pl
import pytest

from sixgates.adapters.lightgbm_trainer import measure_footprint, predict, require_trainer, train
from sixgates.adapters.model_store import text_digest
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.encoding import encode_rows
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.policy import Policies
from sixgates.gates.retrain import judge_training
from sixgates.gates.verdict import Outcome

TASKS = pytest.mark.parametrize("task", list(Task))


@pytest.fixture
def trained_on(project_of, rows_of, split_of):
    def trained_on(task=Task.BINARY, rows=None, policy=None, since=None, **changes):
        if policy is not None:
            changes["policies"] = Policies.with_margin(
                0.01, training=policy, validation={"min_rows": 100}
            )
        project = project_of(task, **changes)
        rows = rows_of(task=task) if rows is None else rows
        return train(project, split_of(rows), since=since)

    return trained_on


def outcome(trained, project):
    return judge_training(trained.evidence, project.policies.training).outcome


@TASKS
def test_a_model_that_learns_passes_gate_2(trained_on, task, project):
    trained = trained_on(task)
    assert outcome(trained, project) is Outcome.PASS
    assert trained.evidence.loss < 0.7 * trained.evidence.base_loss
    assert trained.evidence.n == 120
    assert trained.evidence.memory_mb > 10
    assert trained.evidence.stopped == ""
    assert trained.card.digest == text_digest(trained.text)


@TASKS
def test_the_same_rows_give_the_same_bytes(trained_on, task):
    first, second = trained_on(task), trained_on(task)
    assert first.text == second.text
    assert first.card == second.card
    assert first.params == second.params


def test_the_card_says_how_long_labels_took(trained_on, rows_of, project):
    assert trained_on().card.label_age == project.roles.label_horizon.total_seconds()
    rows = rows_of().with_row_index("i")
    days = pl.duration(days=1 + 19 * (pl.col("i") % 2))
    rows = rows.with_columns(known=pl.col("at") + days).drop("i")
    contract = project.contract.add_columns({"known": pa.Column(pl.Datetime("us"))})
    told = project.roles.model_copy(update={"label_horizon": None, "label_time": "known"})
    found = trained_on(rows=rows, roles=told, contract=contract)
    assert found.card.label_age == timedelta(days=20).total_seconds()


@TASKS
def test_probes_are_answered_bit_for_bit_after_a_trip_through_json(trained_on, task):
    trained = trained_on(task)
    card = msgspec.json.decode(msgspec.json.encode(trained.card), type=ModelCard)
    assert card == trained.card
    assert 10 <= len(card.probes) <= 16
    booster = lgb.Booster(model_str=trained.text)
    for probe in card.probes:
        answer = booster.predict(encode_rows(card, [probe.row])).reshape(-1)
        assert tuple(answer) == probe.expected
        assert len(answer) == (3 if task is Task.MULTICLASS else 1)


def test_probes_hold_nulls_and_an_unseen_category(trained_on):
    card = trained_on().card
    rows = [probe.row for probe in card.probes]
    levels = card.features[2].levels
    assert levels == ("east", "north", "south")
    assert any(None in row.values() for row in rows)
    assert any(row["region"] is not None and row["region"] not in levels for row in rows)
    assert card.classes == ()


def test_probes_survive_rows_that_json_cannot_hold(trained_on, rows_of):
    rows = rows_of().with_columns(
        age=pl.when(pl.int_range(pl.len()) % 3 == 0).then(math.inf).otherwise(math.nan),
        visits=pl.col("visits") > 3,
    )
    rows = rows.with_columns(region=pl.col("visits"), visits=pl.col("visits").cast(pl.Int8))
    card = trained_on(rows=rows).card
    assert msgspec.json.decode(msgspec.json.encode(card), type=ModelCard) == card
    assert {probe.row["region"] for probe in card.probes} >= {"True", "False"}


def test_predicting_a_frame_equals_predicting_its_records(trained_on, rows):
    trained = trained_on()
    answers = predict(trained.text, trained.card, rows)
    matrix = encode_rows(trained.card, rows.to_dicts())
    assert answers.shape == (600, 1)
    assert np.array_equal(answers[:, 0], lgb.Booster(model_str=trained.text).predict(matrix))
    assert predict(trained.text, trained.card, rows[:0]).shape == (0, 1)


def test_the_columns_of_multiclass_answers_are_the_cards_classes(trained_on, rows_of):
    trained = trained_on(Task.MULTICLASS)
    rows = rows_of(task=Task.MULTICLASS)
    assert trained.card.classes == ("low", "mid", "top")
    best = predict(trained.text, trained.card, rows).argmax(axis=1)
    right = np.array(trained.card.classes)[best] == rows["left"].to_numpy()
    assert right.mean() > 0.7


def test_a_text_that_was_cut_short_is_refused_before_lightgbm_aborts(trained_on, rows):
    trained = trained_on()
    with pytest.raises(ContractError, match="cut"):
        predict(trained.text[:900], trained.card, rows)


def test_a_frame_without_a_feature_is_a_broken_promise(trained_on, rows):
    trained = trained_on()
    with pytest.raises(ContractError, match="age"):
        predict(trained.text, trained.card, rows.drop("age"))


@pytest.mark.parametrize("part", ["train", "validation"])
@TASKS
def test_no_rows_fail_gate_2_and_raise_nothing(project_of, rows_of, split_of, task, part):
    project = project_of(task)
    split = split_of(rows_of(task=task))
    empty = {part: getattr(split, part)[:0]}
    parts = {name: getattr(split, name) for name in ("train", "validation", "holdout")}
    trained = train(project, type(split)(**{**parts, **empty}))
    assert outcome(trained, project) is Outcome.FAIL
    assert trained.text == ""


@TASKS
def test_one_single_label_fails_gate_2_and_raises_nothing(trained_on, project, rows_of, task):
    rows = rows_of(task=task)
    single = rows.with_columns(left=pl.lit(rows["left"][0], rows.schema["left"]))
    trained = trained_on(task, rows=single)
    assert outcome(trained, project) is Outcome.FAIL
    assert trained.evidence.best_round == 0


def test_a_class_that_training_never_saw_loses_instead_of_raising(trained_on, rows_of):
    rows = rows_of(task=Task.MULTICLASS)
    late = rows.with_columns(
        left=pl.when(pl.int_range(pl.len()) >= 400).then(pl.lit("new")).otherwise("left")
    )
    trained = trained_on(Task.MULTICLASS, rows=late)
    assert "new" not in trained.card.classes
    assert trained.evidence.loss > 0.5


def test_training_stops_at_its_time_limit(trained_on, project):
    trained = trained_on(policy={"max_seconds": 1e-6})
    assert trained.evidence.stopped == "time"
    assert trained.evidence.best_round == 1
    assert outcome(trained, project) is Outcome.FAIL


def test_training_stops_at_its_memory_limit(trained_on, project):
    trained = trained_on(policy={"max_memory_mb": 1.0})
    assert trained.evidence.stopped == "memory"
    assert outcome(trained, project) is Outcome.FAIL


def test_early_stopping_keeps_the_best_round_only(trained_on):
    trained = trained_on(policy={"rounds": 200, "early_stopping": 5})
    assert 1 <= trained.evidence.best_round < 200
    assert lgb.Booster(model_str=trained.text).num_trees() == trained.evidence.best_round


def test_the_projects_trainer_goes_before_the_defaults_also_by_alias(trained_on):
    trained = trained_on(trainer={"eta": 0.5, "num_leaves": 4})
    assert "learning_rate" not in trained.params
    assert "[learning_rate: 0.5]" in trained.text
    assert "[num_leaves: 4]" in trained.text


def test_a_parameter_that_lightgbm_does_not_know_is_refused(trained_on):
    with pytest.raises(ConfigurationError, match=r"\['num_leavs'\], which LightGBM does not know"):
        trained_on(trainer={"num_leavs": 5, "num_leaves": 4})


@TASKS
@pytest.mark.parametrize("trainer", [{}, {"subsample": 0.5, "random_state": 3}, {"max_bin": 63}])
def test_what_lightgbm_takes_is_not_refused_beforehand(project_of, trained_on, task, trainer):
    require_trainer(project_of(task, trainer=trainer))
    assert trained_on(task, trainer=trainer).text


@pytest.mark.parametrize("trainer", [{"objective": "wishful"}, {"num_leaves": -3}])
def test_parameters_that_lightgbm_refuses_are_said_in_one_sentence(trained_on, trainer):
    with pytest.raises(ConfigurationError, match="see `trainer` in the project file") as caught:
        trained_on(trainer=trainer)
    assert "\n" not in str(caught.value)


def test_rounds_belong_into_the_policy(trained_on):
    with pytest.raises(ConfigurationError, match=r"policies\.training\.rounds"):
        trained_on(trainer={"n_estimators": 5})


def test_feature_names_that_lightgbm_refuses_do_no_harm(project_of, rows_of, split_of):
    project = project_of()
    name = 'age: "years", é'
    roles = project.roles.model_copy(update={"numeric": (name, "visits")})
    odd = project.model_copy(update={"roles": roles})
    trained = train(odd, split_of(rows_of().rename({"age": name})))
    assert trained.card.features[0].name == name
    assert trained.evidence.loss < trained.evidence.base_loss


@TASKS
@pytest.mark.parametrize(("rows", "timed"), [(0, 0), (1, 1), (299, 299), (1000, 300)])
def test_a_stored_model_is_timed_on_single_rows_and_weighed(trained_on, rows_of, task, rows, timed):
    trained = trained_on(task)
    df = rows_of(task=task)
    df = pl.concat([df, df])[:rows]
    found = measure_footprint(trained.text, trained.card, df)
    assert found.n == timed
    assert found.size_mb == len(trained.text) / 2**20
    assert math.isnan(found.latency_ms) if timed == 0 else 0 < found.latency_ms < 20


def test_a_text_that_is_not_the_cards_is_not_timed(trained_on, rows_of):
    trained = trained_on()
    with pytest.raises(ContractError):
        measure_footprint(trained.text + " ", trained.card, rows_of())


@TASKS
def test_an_older_world_is_forgotten_where_that_pays(trained_on, rows_of, task):
    rows = rows_of(task=task)
    upside_down = rows.with_columns(left=pl.col("left").reverse())  # an older world of pure chance
    moved = pl.concat([upside_down.head(220), rows.tail(380)])
    policy = {"newest_shares": (1.0, 0.4)}
    assert trained_on(task, moved, policy).evidence.rows == 144
    assert trained_on(task, moved).evidence.rows == 360
    same = trained_on(task, rows, policy)
    assert same.evidence.rows == 360
    assert same.text == trained_on(task, rows).text


@TASKS
def test_the_rows_since_a_drift_are_learnt_alone_where_that_is_better(trained_on, rows_of, task):
    rows, policy = rows_of(task=task), {"since_drift": True}
    upside_down = rows.with_columns(left=pl.col("left").reverse())  # an older world of pure chance
    moved, since = pl.concat([upside_down.head(220), rows.tail(380)]), rows["at"][220]
    trained = trained_on(task, moved, policy, since)
    alone = trained_on(task, moved, {"newest_shares": (140 / 360,)})
    assert (trained.text, trained.evidence.rows) == (alone.text, 140)
    assert trained.evidence.drift.taken
    assert trained.evidence.drift.loss == trained.evidence.loss < trained.evidence.drift.other_loss
    same = trained_on(task, rows, policy, since)
    assert (same.text, same.evidence.rows) == (trained_on(task, rows).text, 360)
    assert (same.evidence.drift.rows, same.evidence.drift.taken) == (140, False)
    assert same.evidence.drift.other_loss == same.evidence.loss


def test_a_drift_too_young_to_be_learnt_alone_changes_nothing_but_what_is_said(trained_on, rows):
    plain = trained_on(Task.BINARY, rows)
    for place, left_out in ((261, "they are too few"), (360, "are set aside")):
        trained = trained_on(Task.BINARY, rows, {"since_drift": True}, rows["at"][place])
        assert trained.text == plain.text
        assert left_out in trained.evidence.drift.left_out


def test_without_the_policy_or_without_a_date_there_is_no_drift(trained_on, rows):
    assert trained_on(Task.BINARY, rows, {"since_drift": True}).evidence.drift is None
    assert trained_on(Task.BINARY, rows, since=rows["at"][220]).evidence.drift is None


def test_where_the_newest_part_has_one_label_alone_the_rest_is_taken(trained_on, rows_of):
    rows = rows_of().with_columns(
        left=pl.when(pl.int_range(pl.len()).is_between(300, 359)).then(1).otherwise("left")
    )
    trained = trained_on(Task.BINARY, rows, {"newest_shares": (1.0, 0.1)})
    assert trained.evidence.rows == 360
    assert trained.text
