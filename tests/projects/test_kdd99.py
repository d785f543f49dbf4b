"""Multiclass on real data: gates 1 to 4 and the gateway, on the network intrusions of KDD 99."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pandera.polars as pa
import polars as pl
import pytest

from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.model_store import ModelStore
from sixgates.gates.card import Task
from sixgates.gates.compare import forgotten_classes, judge_comparison, paired_evidence
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.rows import split_rows
from sixgates.gates.encoding import label_array
from sixgates.gates.evaluate import judge_holdout, measure_holdout
from sixgates.gates.losses import base_rate_prediction, row_losses
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.retrain import judge_training
from sixgates.gates.timesplit import time_split
from sixgates.gates.validate import judge_validation
from sixgates.gateway.access import access_of
from sixgates.gateway.app import Gateway
from sixgates.gateway.follow import Follower
from sixgates.gateway.state import State
from sixgates.gateway.store import ModelStore as GatewayStore
from sixgates.gateway.tokens import tokens_of
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.release import first_route
from sixgates.ledger.route import Version

SOURCE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kdd99.parquet"
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
NAMES = ("protocol_type", "service", "flag")
NOT_FEATURES = ("row_id", "attack_name", "part")
pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason=f"{SOURCE.name} is not beside the tree")


@pytest.fixture(scope="module")
def rows():
    """Every twentieth row, in stream order, a row each ten minutes."""
    stream = pl.read_parquet(SOURCE).gather_every(20)
    moments = START + pl.int_range(pl.len()) * timedelta(minutes=10)
    return stream.with_columns(ts=moments)


@pytest.fixture(scope="module")
def project(rows):
    numeric = [n for n, t in rows.schema.items() if t.is_numeric() and n not in NOT_FEATURES]
    return Project(
        name="intrusions",
        task=Task.MULTICLASS,
        contract=pa.DataFrameSchema({n: pa.Column(t) for n, t in rows.schema.items()}),
        roles=Roles(
            event_time="ts",
            label="target_category",
            label_horizon=timedelta(days=1),
            numeric=tuple(numeric),
            categorical=NAMES,
            ignored=NOT_FEATURES,
        ),
        loss=LossName.BRIER,
        policies=Policies.with_margin(0.02, training={"rounds": 60}),
    )


@pytest.fixture(scope="module")
def trained(rows, project):
    now = rows["ts"][-1] + timedelta(days=2)
    split = split_rows(rows, project, now)
    verdict = judge_validation(split, measure_data(rows, split, project, now), project, now)
    assert verdict.passed, verdict.reason
    assert split.accepted.height == rows.height
    parts = time_split(split.accepted, project, now)
    return train(project, parts), parts


def test_training_beats_the_base_rate_and_names_every_class(trained, project):
    model, parts = trained
    assert judge_training(model.evidence, project.policies.training).passed
    assert set(model.card.classes) == set(parts.train["target_category"].unique())


def test_gates_3_and_4_judge_five_classes(trained, project):
    model, parts = trained
    answers = predict(model.text, model.card, parts.holdout)
    assert answers.shape == (parts.holdout.height, len(model.card.classes))
    assert answers.sum(axis=1) == pytest.approx(np.ones(parts.holdout.height))
    labels = label_array(project, parts.train)
    base = base_rate_prediction(project, labels, model.card.classes)
    evidence = measure_holdout(project, parts.holdout, answers, base, model.card.classes)
    judge_holdout(evidence, project.policies.evaluation, project.loss)
    assert evidence.losses.mean() < evidence.base_losses.mean()
    losses = row_losses(project, label_array(project, parts.holdout), answers, model.card.classes)
    same = paired_evidence(project, parts.holdout, champion=losses, challenger=losses)
    assert judge_comparison(same, project.policies.comparison, cold_start=False).passed
    worse = paired_evidence(project, parts.holdout, champion=losses, challenger=losses + 0.1)
    assert not judge_comparison(worse, project.policies.comparison, cold_start=False).passed


def test_a_window_that_forgot_classes_is_refused_with_the_classes_named(rows, project):
    """Of twenty blocks the ninth to twelfth have no r2l, which the first six had."""
    block = rows.height // 20
    older, newer = rows.head(6 * block), rows.slice(8 * block, 4 * block)
    known, learned = (
        train(project, time_split(part, project, part["ts"][-1] + timedelta(days=2)))
        for part in (older, newer)
    )
    forgotten = forgotten_classes(known.card.classes, learned.card.classes)
    holdout = time_split(newer, project, newer["ts"][-1] + timedelta(days=2)).holdout
    labels = label_array(project, holdout)
    champion, challenger = (
        row_losses(project, labels, predict(m.text, m.card, holdout), m.card.classes)
        for m in (known, learned)
    )
    evidence = paired_evidence(
        project, holdout, champion=champion, challenger=challenger, forgotten=forgotten
    )
    verdict = judge_comparison(evidence, project.policies.comparison, cold_start=False)
    assert not verdict.passed
    assert "the challenger never saw r2l, which the champion learned" in verdict.reason
    one_class = rows.slice(4 * block, 4 * block)
    now = one_class["ts"][-1] + timedelta(days=2)
    split = split_rows(one_class, project, now)
    data = measure_data(one_class, split, project, now)
    refused = judge_validation(split, data, project, now)
    assert "label classes 1 < limit 2 (n = 8,048): every known label is 'dos'" in refused.reason


def test_the_gateway_answers_class_probabilities_bit_for_bit(trained, project, tmp_path):
    model, parts = trained
    ModelStore(tmp_path / "models").put(model.text, model.card)
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    route = first_route(
        project.name, Version("1", model.card.digest), release="r", at=START, actor="test",
        reason="test",
    )  # fmt: skip
    ledger.append_route(route)
    follower = Follower(project.name, ledger, GatewayStore(tmp_path / "models", project.name))
    follower.poll()
    access = access_of(tokens_of("t", None), loopback=True, host="127.0.0.1")
    state = State(model=project.name, follower=follower, log_dir=tmp_path / "log", access=access)
    app = Gateway(state)
    sample = parts.holdout.head(50)
    records = sample.select(*project.roles.features, pl.col("ts").dt.to_string("iso:strict"))

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            body = {"dataframe_records": records.to_dicts()}
            return await client.post("/invocations", json=body)

    response = asyncio.run(ask())
    assert response.status_code == 200, response.text
    expected = predict(model.text, model.card, sample)
    assert response.json()["predictions"] == expected.tolist()
    ledger.close()
