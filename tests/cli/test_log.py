"""`sixgates log`, `sixgates compact` and `sixgates labels`, on real files."""

import fcntl
import json
import time
from datetime import UTC, datetime

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.gates.errors import TransientError
from sixgates.gates.ports import Serving
from tests.adapters.a_log import label, prediction

MODEL = "loans"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("SIXGATES_HOME", str(home))
    for name in ("LEDGER_URL", "MLFLOW_URI", "CLOCK", "TABLES", "LOG_SHARE"):
        monkeypatch.delenv(f"SIXGATES_{name}", raising=False)
    folder = home / "log" / MODEL
    folder.mkdir(parents=True)
    return folder


def run(*words):
    return CliRunner().invoke(app, [*map(str, words), "--project", MODEL])


def asked(*words):
    found = run(*words, "--json")
    return found.exit_code, json.loads(found.stdout)


def gateways(monkeypatch, *unlogged, **more):
    serving = [
        Serving(f"http://g{n}", 1, "1", "a" * 64, "", "", "", 0.0, count, **more)
        for n, count in enumerate(unlogged)
    ]
    monkeypatch.setattr(GatewayTraffic, "serving", lambda *_: serving)


def test_a_log_without_anything_is_well():
    code, found = asked("log")
    assert (code, found["problems"], found["newest_age_seconds"]) == (0, [], None)
    assert "no prediction yet" in run("log").stdout


def test_how_fresh_the_log_is_and_what_waits_where(folder, monkeypatch):
    now = time.time()
    gateways(monkeypatch, 0)
    older = [prediction(f"{n}", received=now - 60) for n in range(3)]
    (folder / "predictions-100-1.jsonl").write_bytes(b"".join(older))
    (folder / "labels-100-1.jsonl").write_bytes(label("0", received=now - 50))
    code, done = asked("compact")
    assert (code, done["predictions"]["rows"], done["labels"]["rows"]) == (0, 3, 1)
    (folder / "predictions-200-1.jsonl").write_bytes(prediction("sealed", received=now - 40))
    with (folder / "predictions-300-1.jsonl").open("wb") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        written.write(prediction("x", received=now - 20) + prediction("y", received=now - 10)[:9])
        written.flush()
        code, found = asked("log")
        words = run("log").stdout
    assert (code, found["problems"]) == (0, [])
    predictions = found["predictions"]
    assert (predictions["written"]["segments"], predictions["written"]["rows"]) == (1, 1)
    assert (predictions["sealed"]["segments"], predictions["sealed"]["rows"]) == (1, 1)
    size = (folder / "predictions-200-1.jsonl").stat().st_size
    assert predictions["sealed"]["bytes"] == size
    assert (predictions["table"]["rows"], predictions["table"]["files"]) == (3, 1)
    oldest = datetime.fromisoformat(predictions["sealed"]["oldest"]).replace(tzinfo=UTC)
    assert abs(oldest.timestamp() - (now - 40)) < 0.001
    assert 20 <= found["newest_age_seconds"] < 120
    assert found["labels"]["table"]["rows"] == found["counts"]["new"] == 1
    assert found["unlogged"] == {"http://g0": 0}
    assert "the log is well" in words


def test_what_keeps_the_log_from_being_well_is_said(folder, monkeypatch):
    gateways(monkeypatch, 0, 7)
    line = prediction("a", received=time.time() - 7_200)
    (folder / "predictions-100-1.jsonl").write_bytes(line)
    code, found = asked("log")
    assert code == 1
    lost, waits = found["problems"]
    assert "http://g1 gave 7 answers that it could not log" in lost
    assert "predictions wait for compaction (rows: 1), the oldest for 2.0 hours" in waits

    def silent(*_):
        raise TransientError("the gateway http://g0 did not answer")

    monkeypatch.setattr(GatewayTraffic, "serving", silent)
    assert run("compact").exit_code == 0
    code, found = asked("log")
    assert (code, found["problems"]) == (1, ["the gateway http://g0 did not answer"])


def test_what_a_sample_leaves_out_is_said_and_another_share_is_a_problem(monkeypatch):
    gateways(monkeypatch, 0, log_share=0.3, left_out=700, left_out_labels=650)
    monkeypatch.setenv("SIXGATES_LOG_SHARE", "0.3")
    code, found = asked("log")
    assert (code, found["samples"]) == (
        0, {"http://g0": {"share": 0.3, "answers": 700, "labels": 650}},
    )  # fmt: skip
    words = " ".join(run("log").stdout.split())
    assert "logs 0.3 of the requests; left out so far: 700 answers, 650 labels" in words
    monkeypatch.delenv("SIXGATES_LOG_SHARE")
    code, found = asked("log")
    assert code == 1
    (problem,) = found["problems"]
    assert "http://g0 logs 0.3 of the requests, and here SIXGATES_LOG_SHARE is 1" in problem


def test_labels_of_a_file_that_are_left_out_are_counted(monkeypatch, tmp_path):
    monkeypatch.setenv("SIXGATES_LOG_SHARE", "1e-12")
    file = tmp_path / "outcomes.csv"
    file.write_text("request,row,label\na,0,1\nb,0,0\n")
    code, found = asked("labels", file)
    assert (code, found["rows"], found["left_out"], found["written"]) == (0, 2, 2, 0)
    assert (found["counts"]["unknown"], found["segments"]) == (0, [])
    assert "2 left out, of requests that are not logged" in " ".join(
        run("labels", file).stdout.split()
    )


def test_a_segment_that_cannot_be_read_is_named_by_both(folder):
    (folder / "predictions-100-1.jsonl").write_bytes(prediction("a") + b"{oops\n")
    code, done = asked("compact")
    assert code == 1
    assert "predictions-100-1.jsonl:2 is not a prediction record" in done["unreadable"][0]
    words = run("log")
    assert words.exit_code == 4
    assert "predictions-100-1.jsonl:2" in words.stderr


def test_labels_of_a_file_are_counted_and_the_same_again_are_duplicates(folder, tmp_path):
    (folder / "predictions-100-1.jsonl").write_bytes(prediction("a") + prediction("b"))
    file = tmp_path / "outcomes.csv"
    file.write_text("request,row,label\na,0,1\nb,0,0\nz,0,1\n")
    code, found = asked("labels", file)
    assert (code, found["rows"], found["written"]) == (0, 3, 3)
    assert (found["counts"]["new"], found["counts"]["unknown"]) == (3, 1)
    assert asked("compact")[1]["counts"]["new"] == 3
    code, found = asked("labels", file)
    assert (code, found["written"], found["counts"]["duplicates"]) == (0, 0, 3)
    assert "0 new, 3 again" in run("labels", file).stdout


def test_a_file_of_labels_that_is_wrong_is_refused(tmp_path):
    file = tmp_path / "outcomes.csv"
    file.write_text("request,row,label\na,0,7\n")
    found = run("labels", file)
    assert found.exit_code == 2
    assert "line 2: label is '7' and not 0 or 1" in " ".join(found.stderr.split())


def test_the_tables_lie_where_the_setting_says(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_TABLES", str(tmp_path / "elsewhere"))
    (folder / "predictions-100-1.jsonl").write_bytes(prediction("a"))
    assert run("compact").exit_code == 0
    assert pl.read_delta(str(tmp_path / "elsewhere" / MODEL / "predictions")).height == 1
