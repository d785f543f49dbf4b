# ruff: noqa: DTZ001 - event time is naive UTC
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from sixgates.adapters import mlflow_artifacts, mlflow_registry
from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.gates.card import Task
from sixgates.gates.encoding import encode_frame
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.ports import DatasetRef
from sixgates.gates.verdict import Gate, Verdict, at_most

DATASET = DatasetRef("a.parquet", "ab" * 32, "s", datetime(2026, 2, 1), 600, 500, "q.parquet", 1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="session")
def registry(folder):
    """One database for all tests: its first opening takes seconds."""
    return MlflowRegistry(f"sqlite:///{folder}/deep er/mlflow.db", folder / "art ifacts")


@pytest.fixture(scope="session")
def client(registry):
    return registry._client()


@pytest.fixture(scope="session")
def trained_of(project_of, rows_of, split_of):
    trained = {
        task: train(project_of(task, name=f"m-{task}"), split_of(rows_of(task=task)))
        for task in Task
    }
    return trained.__getitem__


@pytest.fixture
def trained(trained_of):
    return trained_of(Task.BINARY)


def test_a_run_keeps_how_a_model_was_made(registry, client, folder):
    run = registry.start_run("churn", "retrain 1", {"trigger": "drift", "long": "x" * 9_000})
    params = {"num_leaves": 31, "seed": 7}
    for _ in range(2):
        registry.log_training(
            run, params=params, metrics={"loss": 0.2, "none": float("nan")}, dataset=DATASET
        )
    registry.end_run(run, "FINISHED", "rejected: loss 0.4 > limit 0.3")
    stored = client.get_run(run)
    assert stored.info.run_name == "retrain 1"
    assert stored.info.status == "FINISHED"
    assert stored.data.params == {"num_leaves": "31", "seed": "7"}
    assert stored.data.metrics == {"loss": 0.2}
    assert stored.data.tags["dataset.digest"] == DATASET.digest
    (given,) = stored.inputs.dataset_inputs  # once, though it was logged twice
    assert given.dataset.digest == DATASET.digest[:36]
    assert stored.data.tags["reason"] == "rejected: loss 0.4 > limit 0.3"
    assert stored.info.artifact_uri.startswith((folder / "art ifacts").as_uri())


@pytest.mark.parametrize("task", list(Task))
def test_mlflow_loads_a_registered_version_and_answers_alike(
    registry, trained_of, rows_of, task, monkeypatch
):
    import mlflow

    trained, rows = trained_of(task), rows_of(task=task)
    run = registry.start_run(trained.card.model, "retrain", {})
    ref = registry.register(run, trained.text, trained.card, rows)
    assert (ref.model, ref.digest, ref.run) == (trained.card.model, trained.card.digest, run)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry._uri)
    uri = f"models:/{ref.model}/{ref.version}"
    matrix = encode_frame(trained.card, rows)
    answers = predict(trained.text, trained.card, rows)
    booster = mlflow.lightgbm.load_model(uri)
    assert np.array_equal(np.reshape(booster.predict(matrix), answers.shape), answers)
    import pandas as pd

    frame = pd.DataFrame(matrix, columns=[f.name for f in trained.card.features])
    loaded = mlflow.pyfunc.load_model(uri)
    assert np.array_equal(np.reshape(loaded.predict(frame), answers.shape), answers)


def test_the_artifact_is_the_text_itself_beside_its_card(registry, client, trained, rows):
    run = registry.start_run(trained.card.model, "retrain", {})
    ref = registry.register(run, trained.text, trained.card, rows)
    version = client.get_model_version(ref.model, ref.version)
    assert version.tags == {"digest": trained.card.digest}
    folder = Path(client.download_artifacts(run, "model"))
    assert (folder / "model.lgb").read_text() == trained.text
    assert json.loads((folder / "card.json").read_text())["digest"] == trained.card.digest
    assert len(json.loads((folder / "sample.json").read_text())) == 20
    assert not list(folder.rglob("*.pkl"))


def test_registering_twice_for_one_run_gives_one_version(registry, trained, rows):
    run = registry.start_run(trained.card.model, "retrain", {})
    refs = {registry.register(run, trained.text, trained.card, rows) for _ in range(2)}
    assert len(refs) == 1
    other = registry.start_run(trained.card.model, "retrain", {})
    assert registry.register(other, trained.text, trained.card, rows) not in refs


def test_a_verdict_is_kept_whole_and_as_metrics(registry, client):
    run = registry.start_run("churn", "retrain", {})
    checks = [
        at_most("brier", 0.2, 0.3, 10),
        at_most("brier [région=north; x%]", 0.4, 0.3, 10),
        at_most("brier [site=https://a.org/../b]", 0.1, 0.3, 10),
        at_most("log loss", float("nan"), 0.3, 10),
    ]
    verdict = Verdict.of(Gate.EVALUATE, checks)
    registry.log_verdict(run, verdict)
    stored = client.get_run(run).data
    assert stored.metrics == {
        "evaluate/brier": 0.2,
        "evaluate/brier _région_north_ x__": 0.4,
        "evaluate/brier _site_https:__a.org_.._b_": 0.1,
    }
    assert stored.tags["gate.evaluate"] == "fail"
    path = client.download_artifacts(run, "verdicts/3-evaluate.json")
    assert Verdict.from_dict(json.loads(Path(path).read_text())) == verdict


def test_a_report_is_attached(registry, client, tmp_path):
    run = registry.start_run("churn", "retrain", {})
    (tmp_path / "report.html").write_text("<p>")
    registry.log_report(run, tmp_path / "report.html")
    assert [a.path for a in client.list_artifacts(run, "report")] == ["report/report.html"]


def test_aliases_follow_and_go(registry, trained, rows):
    card = trained.card
    run = registry.start_run(card.model, "retrain", {})
    version = registry.register(run, trained.text, card, rows).version
    registry.set_aliases(card.model, {"champion": version, "challenger": version})
    registry.set_aliases(card.model, {"champion": version, "challenger": None, "previous": None})
    assert registry.aliases(card.model) == {"champion": version}


def test_setting_the_same_aliases_again_writes_nothing(
    registry, client, trained, rows, monkeypatch
):
    run = registry.start_run(trained.card.model, "retrain", {})
    version = registry.register(run, trained.text, trained.card, rows).version
    registry.set_aliases(trained.card.model, {"champion": version})
    writes = []
    monkeypatch.setattr(client, "set_registered_model_alias", lambda *a: writes.append(a))
    registry.set_aliases(trained.card.model, {"champion": version, "previous": None})
    assert writes == []


def test_a_model_that_was_never_registered_has_no_aliases(registry):
    assert registry.aliases("unheard-of") == {}
    registry.set_aliases("unheard-of", {"champion": None})


def test_a_version_is_marked(registry, client, trained, rows):
    run = registry.start_run(trained.card.model, "retrain", {})
    ref = registry.register(run, trained.text, trained.card, rows)
    registry.mark(ref.model, ref.version, {"refused": "compare: " + "x" * 9_000})
    assert client.get_model_version(ref.model, ref.version).tags["refused"].startswith("compare")


def test_versions_are_read_with_their_tags_and_a_deleted_one_is_gone(
    registry, client, trained_of, rows_of
):
    trained = trained_of(Task.REGRESSION)
    name, before = trained.card.model, set(registry.registered(trained.card.model))
    refs = []
    for _ in range(2):
        run = registry.start_run(name, "retrain", {})
        refs.append(
            registry.register(run, trained.text, trained.card, rows_of(task=Task.REGRESSION))
        )
    registry.mark(name, refs[0].version, {"refused": "too slow"})
    known = registry.registered(name)
    assert set(known) - before == {ref.version for ref in refs}
    assert known[refs[0].version] == {"digest": trained.card.digest, "refused": "too slow"}
    client.delete_model_version(name, refs[1].version)
    assert refs[1].version not in registry.registered(name)
    assert registry.registered("unheard-of") == {}


def test_runs_that_nobody_closed_are_found_on_all_pages(registry, client, monkeypatch):
    assert registry.open_runs("unheard-of") == {}
    runs = [registry.start_run("piled", f"run {n}", {}) for n in range(5)]
    registry.end_run(runs[0], "FINISHED", "")
    original = client.search_runs
    monkeypatch.setattr(
        client, "search_runs", lambda *given, **named: original(*given, max_results=2, **named)
    )
    assert registry.open_runs("piled") == {run: f"run {n}" for n, run in enumerate(runs) if n}


@pytest.mark.parametrize(
    "act",
    [
        lambda r: r.set_aliases("unheard-of", {"champion": "1"}),
        lambda r: r.mark("unheard-of", "1", {"a": "b"}),
        lambda r: r.end_run("0" * 32, "FINISHED", ""),
    ],
)
def test_what_is_missing_is_for_a_person(registry, act):
    with pytest.raises(ConfigurationError, match="lacks what is needed") as caught:
        act(registry)
    assert "\n" not in str(caught.value)


def test_an_experiment_that_somebody_deleted_is_named_with_the_way_to_restore_it(registry, client):
    run = registry.start_run("binned", "retrain", {})
    experiment = client.get_run(run).info.experiment_id
    client.delete_experiment(experiment)
    with pytest.raises(ConfigurationError, match=r"lacks what is needed .*: see what was deleted"):
        registry.end_run(run, "FINISHED", "")
    said = f"the experiment binned of .* was deleted.* restore --experiment-id {experiment}`"
    with pytest.raises(ConfigurationError, match=said):
        registry.start_run("binned", "retrain", {})
    client.restore_experiment(experiment)
    assert registry.start_run("binned", "retrain", {}) != run


def test_threads_share_one_registry(registry, client):
    barrier = threading.Barrier(4)

    def one(i):
        barrier.wait()
        run = registry.start_run("crowded", f"run {i}", {"i": str(i)})
        registry.log_training(run, params={"i": i}, metrics={"i": i}, dataset=DATASET)
        registry.end_run(run, "FINISHED", "")
        return run

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(one, range(4)))
    for i, run in enumerate(runs):
        assert client.get_run(run).data.params == {"i": str(i)}
    assert client.get_run(runs[0]).info.experiment_id == client.get_run(runs[3]).info.experiment_id


def test_an_unreachable_server_may_be_tried_again(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = MlflowRegistry("http://someone:hush@127.0.0.1:9", tmp_path)
    with pytest.raises(TransientError, match=r"http://127\.0\.0\.1:9 did not answer") as caught:
        registry.aliases("churn")
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_hangs_is_waited_for_once_and_asked_again_later(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(mlflow_registry, "_IN_VAIN_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it takes what comes, and says nothing
        mute.settimeout(1)
        registry = MlflowRegistry(f"http://me:hush@127.0.0.1:{mute.getsockname()[1]}", tmp_path)
        with pytest.raises(TransientError, match="did not answer while"):
            registry.open_runs("churn")
        mute.accept()[0].close()
        for ask in (registry.open_runs, registry.registered, registry.aliases):
            with pytest.raises(TransientError, match="hangs: it did not answer") as caught:
                ask("churn")
            assert "hush" not in str(caught.value)
        with pytest.raises(TimeoutError):
            mute.accept()
        monkeypatch.setattr(registry, "_alone_until", 0.0)
        with pytest.raises(TransientError, match="did not answer while"):
            registry.aliases("churn")
        mute.accept()[0].close()


def test_a_token_that_no_header_takes_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hush-hush\n")
    with pytest.raises(TransientError, match=r"header value.*\*\*\*") as caught:
        MlflowRegistry("http://127.0.0.1:9", tmp_path).aliases("churn")
    assert "hush" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize("act", ["verdict", "report", "register"])
def test_an_artifact_store_that_is_away_may_be_tried_again(
    registry, client, trained, rows, tmp_path, monkeypatch, act
):
    """As where a server leaves artifacts to its clients, whose S3 raises errors of its own."""
    registry = MlflowRegistry(registry._uri, tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:1")
    experiment = f"{act}-far-away"
    client.create_experiment(experiment, artifact_location="s3://gone/churn")
    run = registry.start_run(experiment, "retrain", {})
    (tmp_path / "report.html").write_text("<p>")
    acts = {
        "verdict": lambda: registry.log_verdict(run, Verdict.of(Gate.EVALUATE, [])),
        "report": lambda: registry.log_report(run, tmp_path / "report.html"),
        "register": lambda: registry.register(run, trained.text, trained.card, rows),
    }
    with pytest.raises(TransientError, match="see whether its artifact store") as caught:
        acts[act]()
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_an_artifact_store_that_hangs_is_given_up(registry, client, tmp_path, monkeypatch):
    monkeypatch.setitem(mlflow_artifacts.LIMITS, "read_timeout", 0.5)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    registry = MlflowRegistry(registry._uri, tmp_path)
    client.create_experiment("mute", artifact_location="s3://mute/churn")
    run = registry.start_run("mute", "retrain", {})
    with socket.create_server(("127.0.0.1", 0)) as mute:  # it takes what comes, and says nothing
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{mute.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(TransientError, match="did not answer while recording the verdict"):
            registry.log_verdict(run, Verdict.of(Gate.EVALUATE, []))
        assert time.monotonic() - began < 10
        for _ in range(2):
            mute.accept()[0].close()


def test_an_artifact_store_has_as_long_as_mlflow_itself():
    limits = mlflow_artifacts.LIMITS
    assert limits["read_timeout"] * limits["retries"]["total_max_attempts"] == 40


@pytest.mark.parametrize("error", [TypeError, AttributeError, KeyError, ValueError])
def test_a_defect_is_no_outage_and_is_not_tried_again(registry, client, monkeypatch, error):
    def broken(*_args, **_more):
        raise error("upload() got an unexpected keyword argument")

    run = registry.start_run("churn", "retrain", {})
    monkeypatch.setattr(client, "log_dict", broken)
    with pytest.raises(ContractError, match=f"{error.__name__}: .*that is no outage") as caught:
        registry.log_verdict(run, Verdict.of(Gate.EVALUATE, []))
    assert isinstance(caught.value.__cause__, error)


@pytest.mark.parametrize("uri", ["bogus://x", "file:///tmp/mlruns", "nonsense"])
def test_an_address_that_mlflow_does_not_know_is_refused(tmp_path, uri):
    with pytest.raises(ConfigurationError, match="SIXGATES_MLFLOW_URI"):
        MlflowRegistry(uri, tmp_path).aliases("churn")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        MlflowRegistry(f"sqlite:///{tmp_path}/x.db", tmp_path).aliases("churn")


def test_nothing_is_said_and_nothing_is_left_in_the_current_folder(
    registry, trained, rows, capfd, in_an_empty_folder
):
    run = registry.start_run(trained.card.model, "retrain", {})
    registry.register(run, trained.text, trained.card, rows)
    registry.end_run(run, "FINISHED", "")
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == ""
    assert list(in_an_empty_folder.iterdir()) == []
    assert urlsplit(registry._uri).scheme == "sqlite"
