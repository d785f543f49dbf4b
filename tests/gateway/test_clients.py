"""Programs that already speak these protocols, unchanged, against a real gateway process."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.utils import InferenceServerException

from sixgates.gates.card import Task

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@contextmanager
def running(house):
    """Yield the host and the port of a gateway, as text."""
    command = [sys.executable, "-m", "sixgates.gateway", "--model", "churn"]
    folders = ["--store", str(house.root), "--log", str(house.log)]
    with subprocess.Popen(
        [*command, *folders],
        cwd=ROOT,
        env={**os.environ, "SIXGATES_LEDGER_URL": house.ledger_url},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]
            yield url.removeprefix("http://").split(":")
        finally:
            process.kill()


@pytest.fixture
def address(house, champion):
    house.route(champion)
    with running(house) as (host, port):
        yield host, port


@pytest.fixture
def inference(address):
    with triton.InferenceServerClient(":".join(address)) as client:
        yield client


def columns(rows, *, binary=True):
    def column(name, datatype):
        missing, kind = ("", object) if datatype == "BYTES" else (np.nan, None)
        values = np.array([missing if r[name] is None else r[name] for r in rows], dtype=kind)
        one = triton.InferInput(name, list(values.shape), datatype)
        return one.set_data_from_numpy(values, binary_data=binary)

    return [
        column("age", "FP64"),
        column("spend", "FP64"),
        column("region", "BYTES"),
        column("customer", "BYTES"),
        column("when", "FP64"),
    ]


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_gets_the_models_answers(house, champion, inference, sample_rows, binary):
    rows = sample_rows(20)
    inputs = columns(rows, binary=binary)
    answer = inference.infer("churn", inputs, request_id="order-7")
    assert answer.as_numpy("predict").tolist() == champion.expected(rows)
    said = answer.get_response()
    assert (said["id"], said["model_version"], said["parameters"]) == ("order-7", "1", {"epoch": 1})
    wanted = [triton.InferRequestedOutput("predict", binary_data=False)]
    again = inference.infer("churn", inputs, model_version="1", outputs=wanted)
    assert again.as_numpy("predict").tolist() == champion.expected(rows)
    lines = house.predictions()
    assert [(p.entity, p.at) for p in lines[:20]] == [(r["customer"], r["when"]) for r in rows]
    assert {p.request for p in lines[:20]} == {"order-7"}
    assert len(lines) == 40


def test_tritons_client_sees_what_is_served(inference):
    assert inference.is_server_live()
    assert inference.is_server_ready()
    assert inference.is_model_ready("churn")
    assert inference.is_model_ready("churn", "1")
    assert not inference.is_model_ready("churn", "2")
    assert not inference.is_model_ready("other")
    assert inference.get_server_metadata()["name"] == "sixgates"
    model = inference.get_model_metadata("churn", "1")
    assert {i["name"]: i["datatype"] for i in model["inputs"]} == {
        "age": "FP64",
        "spend": "FP64",
        "region": "BYTES",
    }
    assert model["outputs"] == [{"name": "predict", "datatype": "FP64", "shape": [-1]}]


def test_tritons_client_reads_our_refusals(inference, sample_rows):
    rows = sample_rows(2)
    with pytest.raises(InferenceServerException, match="version '2' of churn is not the champion"):
        inference.infer("churn", columns(rows), model_version="2")
    with pytest.raises(InferenceServerException, match="row 0 lacks the column 'region'"):
        inference.infer("churn", columns(rows)[:2])
    short = triton.InferInput("age", [2], "FP64").set_data_from_numpy(np.array([1.0, 2.0]))
    short.set_shape([3])
    with pytest.raises(InferenceServerException, match="2 elements do not fit the shape"):
        inference.infer("churn", [short])


def test_tritons_client_reads_one_number_a_class(house, train, sample_rows):
    trained = train(Task.MULTICLASS, seed=6)
    trained.put(house.store)
    house.route(trained)
    rows = sample_rows(3)
    with running(house) as address, triton.InferenceServerClient(":".join(address)) as client:
        answer = client.infer("churn", columns(rows)).as_numpy("predict")
    assert answer.tolist() == trained.expected(rows)


def test_mlflows_client_gets_the_models_answers(champion, address, sample_rows):
    client = ScoringServerClient(*address)
    client.wait_server_ready(timeout=5)
    rows = sample_rows(20)
    frame = pd.DataFrame(rows)
    assert frame["age"].isna().any()
    for sent in (frame, frame[["when", "region", "spend", "age"]], rows):
        assert client.invoke(sent)["predictions"] == champion.expected(rows)


def test_mlflows_client_reads_our_refusals(address, sample_rows):
    frame = pd.DataFrame(sample_rows(2)).drop(columns="spend")
    with pytest.raises(Exception, match="row 0 lacks the column 'spend'"):
        ScoringServerClient(*address).invoke(frame)


def test_a_table_that_pandas_wrote_gets_the_models_answers(champion, address, sample_rows):
    rows = sample_rows(20)
    host, port = address
    answer = httpx.post(
        f"http://{host}:{port}/invocations",
        content=pd.DataFrame(rows).to_csv(),
        headers={"content-type": "text/csv"},
    )
    assert answer.json()["predictions"] == champion.expected(rows)
