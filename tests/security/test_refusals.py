"""What is refused, one sentence a test: addresses, models, project files, requests.

The other sentences: who may call what, that every token is compared, and that others may not read
their file, in `tests/gateway/test_tokens.py`; who may approve, stop and roll back by command in
`tests/tasks/test_person.py`; what no source file does in `test_source.py`; that a secret is in
nothing that is left in `test_planted_secret.py`.
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import lightgbm
import msgspec
import numpy as np
import pytest

from sixgates.adapters.model_store import ModelStore as StoredModels
from sixgates.adapters.project_files import load_project
from sixgates.gates.card import Feature, ModelCard, Probe, Task
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gateway.booster import Booster
from sixgates.gateway.store import ModelStore
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route, Step, Version

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}
AT = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
TEXT = b"tree\nversion=v4\n"
"""The beginning of a native text, and no model."""


def command(folder, *words):
    given = ["--model", "churn", "--ledger", f"sqlite:///{folder}/ledger.db"]
    given += ["--store", folder / "models", "--log", folder / "log", *words]
    return [sys.executable, "-m", "sixgates.gateway", *map(str, given)]


def environment(**given):
    quiet = {k: v for k, v in os.environ.items() if not k.startswith("SIXGATES_")}
    return {**quiet, **given}


@contextmanager
def gateway(folder, *words, **given):
    with subprocess.Popen(
        command(folder, *words), cwd=ROOT, env=environment(**given),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


def stored(folder, text, digest=None):
    """Put a text and a card that fits it into the store; return its digest."""
    digest = digest or hashlib.sha256(text).hexdigest()
    card = ModelCard("churn", digest, Task.BINARY, (Feature("age"),), "at", None, (),
                     (Probe({"age": 1.0}, (0.5,)),))  # fmt: skip
    place = folder / "churn"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{digest}.txt").write_bytes(text)
    (place / f"{digest}.json").write_bytes(msgspec.json.encode(card))
    return digest


def test_a_gateway_binds_to_loopback_unless_told_otherwise(tmp_path):
    with gateway(tmp_path) as (_, url):
        assert url.startswith("http://127.0.0.1:")
        elsewhere = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)
        elsewhere.close()
        outer = {a[4][0] for a in _own_addresses()}
        for address in outer:
            with pytest.raises(OSError):  # noqa: PT011 - refused, or no way there
                socket.create_connection((address, int(url.rpartition(":")[2])), timeout=2)


def _own_addresses():
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except OSError:
        return []
    return [a for a in found if not a[4][0].startswith("127.")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])
def test_a_gateway_without_a_token_does_not_bind_wider(tmp_path, host):
    done = subprocess.run(
        command(tmp_path, "--host", host), cwd=ROOT, env=environment(), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{host} is open to other machines: set SIXGATES_GATEWAY_TOKEN" in done.stderr


def test_no_token_right_or_wrong_is_ever_logged_or_answered(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("read PLANTED-read name=eve\napprove PLANTED-approve name=ann\n")
    file.chmod(0o600)
    given = {"SIXGATES_TOKENS": str(file), "SIXGATES_GATEWAY_TOKEN": "PLANTED-own"}
    answers = []
    with gateway(tmp_path, **given) as (process, url), httpx.Client(base_url=url) as http:
        for token in ("PLANTED-own", "PLANTED-read", "PLANTED-approve", "PLANTED-wrong", "x"):
            for header in (f"Bearer {token}", token, f"Basic {token}"):
                for method, path in (
                    ("POST", "/admin/follow"), ("POST", "/admin/prove"), ("GET", "/metrics"),
                    ("POST", "/invocations"), ("GET", f"/nothing?token={token}"),
                ):  # fmt: skip
                    headers = {**JSON, "authorization": header}
                    answer = http.request(method, path, headers=headers, content=b'{"digest": 1}')
                    answers.append(f"{answer.status_code} {answer.text} {answer.headers}")
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert {"401", "403"} <= {answer.split()[0] for answer in answers}
    assert "PLANTED" not in out + err + "".join(answers)
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert not any(b"PLANTED" in path.read_bytes() for path in kept)


def test_a_model_file_that_was_changed_is_refused_by_its_digest(tmp_path):
    digest = stored(tmp_path, TEXT)
    path = tmp_path / "churn" / f"{digest}.txt"
    path.write_bytes(TEXT.replace(b"v4", b"v5"))
    with pytest.raises(ContractError, match=rf"{digest}.txt has the digest .* it was changed"):
        ModelStore(tmp_path, "churn").load(digest)
    with pytest.raises(ContractError, match="restore"):
        StoredModels(tmp_path).get("churn", digest)


@pytest.mark.parametrize(
    "text",
    [
        b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        b"cposix\nsystem\n(S'touch owned'\ntR.",
        b"#!/bin/sh\ntouch owned\n",
        b"PK\x03\x04",
        b"",
        TEXT,
    ],
    ids=["pickle 4", "pickle 0", "script", "zip", "nothing", "half a model"],
)
def test_what_is_not_lightgbms_native_text_is_refused_and_never_run(tmp_path, text, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractError):
        Booster(text)
    digest = stored(tmp_path, text)
    with pytest.raises(ContractError):
        ModelStore(tmp_path, "churn").load(digest)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["os", "sixgates", "json", "__init__", "../evil", "evil.txt"])
def test_a_project_is_code_and_comes_only_from_where_the_operator_says(tmp_path, monkeypatch, name):
    """No name reaches a module on the path, a hidden file, or a file that is no project."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for place in ("../evil", "evil.txt", "evil"):
        Path(place).write_text("open('owned', 'w')")
    with pytest.raises(ConfigurationError):
        load_project(name)
    assert not Path("owned").exists()


def test_a_project_is_not_looked_for_in_what_a_run_leaves_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (".sixgates", ".sixgates/runs", "models"):
        Path(place).mkdir(exist_ok=True)
        (Path(place) / "evil.py").write_text("open('owned', 'w')")
    with pytest.raises(ConfigurationError, match="there is no project 'evil'"):
        load_project("evil")
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/invocations", b'{"inputs": [' + b"{}," * 10_000 + b"{}]}"),
        ("/invocations", b'{"inputs": ["' + b"x" * 16 * 2**20 + b'"]}'),
        ("/labels", b"[" + b",".join([b'{"request": "q", "row": 0, "label": 1}'] * 10_001) + b"]"),
        ("/labels", b'["' + b"x" * 16 * 2**20 + b'"]'),
    ],
    ids=["rows", "bytes", "labels", "bytes of labels"],
)  # fmt: skip
def test_a_request_over_the_limits_is_refused(served, path, body):
    answer = served.post(path, content=body, headers=JSON)
    assert answer.status_code == 413
    assert "send " in answer.json()["error"]


def test_a_request_that_hides_its_length_is_refused_at_the_limit(served):
    def endless():
        for _ in range(17):
            yield b" " * 2**20

    answer = served.post("/invocations", content=endless(), headers=JSON)
    assert answer.status_code == 413


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client of a real gateway with a real, very small model."""
    folder = tmp_path_factory.mktemp("served")
    values = np.arange(200.0).reshape(-1, 1)
    data = lightgbm.Dataset(values, label=(values[:, 0] > 100).astype(float))
    trained = lightgbm.train({"objective": "binary", "verbosity": -1}, data, num_boost_round=2)
    text = trained.model_to_string().encode()
    digest = hashlib.sha256(text).hexdigest()
    answer = lightgbm.Booster(model_str=text.decode()).predict(np.array([[1.0]]))
    card = ModelCard("churn", digest, Task.BINARY, (Feature("age"),), "at", None, (),
                     (Probe({"age": 1.0}, (float(answer[0]),)),))  # fmt: skip
    stored(folder / "models", text)
    (folder / "models" / "churn" / f"{digest}.json").write_bytes(msgspec.json.encode(card))
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    ledger.append_route(
        Route("churn", 1, Step.COLD_START, Version("1", digest), None, "r1", AT, "test", "because")
    )
    ledger.close()
    with gateway(folder) as (_, url), httpx.Client(base_url=url, timeout=30) as http:
        yield http
