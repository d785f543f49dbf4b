"""The adapters against a real gateway process: what one side writes, the other reads."""

# ruff: noqa: DTZ001 - event time is naive UTC
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

import sixgates
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.segment_log import SegmentLog
from sixgates.gates.card import Task
from sixgates.gates.errors import ConfigurationError
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route, Step, Version

SERVE = """
import sys
from pathlib import Path
from sixgates.gateway.server import serve
url, home = sys.argv[1:]
serve(model="churn", ledger_url=url, store=Path(home, "models"), log_dir=Path(home, "log"),
      token="s3cret")
"""


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def gateway(tmp_path, ledger):
    root = str(Path(sixgates.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, f"sqlite:///{tmp_path}/ledger.db", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": root},
    )
    deadline = time.monotonic() + 30
    while not ledger.gateways("churn") and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    (url,) = ledger.gateways("churn")
    yield url
    process.terminate()
    process.wait(timeout=15)


@pytest.mark.parametrize("task", list(Task))
def test_a_trained_model_is_proved_followed_and_answers_as_it_was_trained(
    tmp_path, ledger, gateway, project_of, rows_of, split_of, task
):
    trained = train(project_of(task), split_of(rows_of(task=task)))
    digest = trained.card.digest
    ModelStore(tmp_path / "models").put(trained.text, trained.card)
    traffic = GatewayTraffic(ledger, SecretStr("s3cret"))

    (refusal,) = traffic.prove("churn", "0" * 64)
    assert refusal.startswith(gateway)
    assert traffic.prove("churn", digest) == []

    at = datetime(2026, 2, 1)
    ledger.append_route(
        Route("churn", 1, Step.COLD_START, Version("1", digest), None, "r", at, "test", "first")
    )
    (serving,) = traffic.follow("churn", 1)
    assert (serving.epoch, serving.champion_digest, serving.arm) == (1, digest, "")
    assert traffic.serving("churn") == [serving]

    rows = rows_of(task=task).tail(40)
    records = [{**row, "at": row["at"].isoformat()} for row in rows.to_dicts()]
    answer = httpx.post(f"{gateway}/invocations", json={"dataframe_records": records})
    assert answer.status_code == 200, answer.text
    logged = SegmentLog(tmp_path / "log").predictions("churn", datetime(2026, 1, 1))
    assert logged["row"].to_list() == list(range(40))
    assert logged["entity"].to_list() == rows["customer"].to_list()
    assert logged["at"][0] == rows["at"].dt.timestamp("us")[0] / 1e6
    assert np.array_equal(
        np.array(logged["values"].to_list()), predict(trained.text, trained.card, rows)
    )


def test_another_token_is_for_a_person(ledger, gateway):
    with pytest.raises(ConfigurationError, match=f"{gateway} refused the token"):
        GatewayTraffic(ledger, SecretStr("other")).prove("churn", "0" * 64)
    with pytest.raises(ConfigurationError, match="SIXGATES_GATEWAY_TOKEN"):
        GatewayTraffic(ledger, None).follow("churn", 1)
