import asyncio
import errno
import os
import threading
import time

import pytest

from sixgates.gates.errors import TransientError
from sixgates.gateway import desk
from tests.gateway.conftest import TOKEN


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [("a", "b", 401), ("a", "", 401), ("a", "\xe9", 401), (None, "", 403)],
)
def test_admin_calls_need_the_token(house, champion, token, sent, status):
    house.route(champion)
    gateway = house.gateway(token=token)
    for path in ("/admin/prove", "/admin/follow"):
        bearer = {"authorization": f"Bearer {sent}".encode("latin-1")}
        answer = gateway.post(path, {"digest": champion.digest}, headers=bearer)
        assert answer.status_code == status
        assert "SIXGATES_GATEWAY_TOKEN" in answer.json()["error"]


def test_proving_says_whether_a_model_answers_as_trained(house, champion, challenger):
    house.route(champion)
    gateway = house.gateway()
    assert gateway.admin("/admin/prove", {"digest": challenger.digest}).json() == {"ok": True}
    assert gateway.get("/serving").json()["beside"] == ""
    (house.store / f"{challenger.digest}.txt").write_bytes(b"changed")
    refused = gateway.admin("/admin/prove", {"digest": challenger.digest})
    assert refused.status_code == 409
    assert "was changed" in refused.json()["error"]
    assert gateway.admin("/admin/prove", {"digest": 3}).status_code == 400


def test_serving_says_what_is_served(house, champion, challenger):
    house.route(champion, challenger, 0.25)
    said = house.gateway().get("/serving").json()
    assert abs(said.pop("clock") - time.time()) < 5
    assert said == {
        "epoch": 1,
        "champion": "1",
        "champion_digest": champion.digest,
        "beside": "2",
        "beside_digest": challenger.digest,
        "arm": "canary",
        "share": 0.25,
        "lapsed": False,
        "cut": "",
        "unlogged": 0,
        "log_share": 1.0,
        "left_out": 0,
        "left_out_labels": 0,
        "refused": {},
    }


def test_following_answers_with_the_new_route(house, champion, challenger):
    house.route(champion)
    gateway = house.gateway()
    house.route(champion, challenger, 0.01)
    document = gateway.admin("/admin/follow").json()
    assert (document["epoch"], document["beside"], document["share"]) == (2, "2", 0.01)


def test_before_the_first_model_nothing_is_served(house, champion, sample_rows):
    gateway = house.gateway()
    for answer in (gateway.get("/healthz"), gateway.score(sample_rows(1))):
        assert answer.status_code == 503
        assert answer.json()["error"] == "no model of churn is served: the ledger has no route yet"
    assert gateway.get("/serving").json()["epoch"] == 0
    house.route(champion)
    gateway.follower.poll()
    assert gateway.get("/healthz").json()["status"] == "ok"


def test_a_challenger_that_does_not_load_leaves_the_champion_alone(house, champion, challenger):
    (house.store / f"{challenger.digest}.txt").write_bytes(b"changed")
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    document = gateway.get("/serving").json()
    assert (document["epoch"], document["champion"], document["share"]) == (1, "1", 0.0)
    assert (document["beside"], document["arm"]) == ("", "")
    assert "was changed" in document["refused"]["2"]
    assert gateway.get("/healthz").json()["status"] == "degraded"
    challenger.put(house.store)
    document = gateway.admin("/admin/follow").json()
    assert (document["beside"], document["refused"]) == ("2", {})


def test_a_champion_that_does_not_load_leaves_the_old_route(house, champion, sample_rows):
    house.route(champion)
    gateway = house.gateway()
    house.route("0" * 64)
    document = gateway.admin("/admin/follow").json()
    assert (document["epoch"], document["champion_digest"]) == (1, champion.digest)
    assert "could not be read" in document["refused"]["1"]
    assert gateway.score(sample_rows(1)).status_code == 200


def test_a_first_champion_that_does_not_load_is_named(house):
    house.route("0" * 64)
    answer = house.gateway().get("/healthz")
    assert answer.status_code == 503
    assert "version 1" in answer.json()["error"]


def test_a_silent_ledger_changes_nothing_but_the_health(
    house, champion, sample_rows, monkeypatch, caplog
):
    house.route(champion)
    gateway = house.gateway()

    def silent(_model):
        raise TransientError("the ledger did not answer")

    monkeypatch.setattr(house.ledger, "route", silent)
    for _ in range(3):
        gateway.follower.poll()
    assert len(caplog.records) == 1
    assert gateway.score(sample_rows(1)).status_code == 200
    assert "did not answer" in gateway.get("/healthz").json()["sentence"]
    assert gateway.admin("/admin/follow").status_code == 503
    monkeypatch.undo()
    gateway.follower.poll()
    assert gateway.get("/healthz").json()["status"] == "ok"


def test_labels_that_cannot_be_kept_are_refused(house, champion, monkeypatch):
    house.route(champion)
    gateway = house.gateway()

    def full(_fd, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    answer = gateway.post("/labels", [{"request": "q", "row": 0, "label": 1}])
    monkeypatch.undo()
    assert answer.status_code == 507
    assert "1 of 1 labels were not kept, send all again" in answer.json()["error"]
    assert "labels cannot be logged" in gateway.get("/healthz").json()["sentence"]


def test_many_labels_are_read_beside_the_event_loop_and_logged_in_it(house, champion, monkeypatch):
    house.route(champion)
    gateway = house.gateway()
    seen, read, record = [], desk.read_labels, gateway.state.record_labels

    def noted(what, call):
        def noting(*given):
            seen.append((what, threading.current_thread() is threading.main_thread()))
            return call(*given)

        return noting

    monkeypatch.setattr(desk, "read_labels", noted("read", read))
    monkeypatch.setattr(gateway.state, "record_labels", noted("record", record))
    for n in (1, 1_000):
        sent = [{"request": f"q{n}", "row": row, "label": 1} for row in range(n)]
        assert gateway.post("/labels", sent).json() == {"accepted": n}
    assert seen == [("read", True), ("record", True), ("read", False), ("record", True)]
    assert [label.row for label in house.labels()] == [0, *range(1_000)]


def test_a_log_that_fails_is_told_once_and_of_no_shadow_where_there_is_none(
    house, champion, sample_rows, monkeypatch
):
    house.route(champion)
    gateway = house.gateway()

    def full(_fd, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        gateway.score(sample_rows(2))
    sentence = gateway.get("/healthz").json()["sentence"]
    assert sentence.count("No space left") == 1
    assert "predictions cannot be logged, 2 answers so far" in sentence
    assert "shadow" not in sentence


def test_metrics_count_rows_by_arm_and_version(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    gateway.score(sample_rows(3))
    gateway.score([{}])
    text = gateway.get("/metrics").text
    for line in (
        'sixgates_gateway_predictions_total{arm="champion",model="churn",version="1"} 3.0',
        'sixgates_gateway_predictions_total{arm="shadow",model="churn",version="2"} 3.0',
        'sixgates_gateway_refusals_total{model="churn",status="400"} 1.0',
        'sixgates_gateway_seconds_count{model="churn"} 1.0',
        'sixgates_gateway_epoch{model="churn"} 1.0',
    ):
        assert line in text


def test_a_path_that_is_nearly_right_is_refused_with_a_sentence(house, champion):
    house.route(champion)
    gateway = house.gateway()
    for path in ("/labels/", "/healthz/", "/v2/"):
        answer = gateway.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": f"GET {path}: Not Found"})


def test_a_long_path_is_cut_in_the_sentence(house, champion):
    house.route(champion)
    answer = house.gateway().get("/" + "a" * 10_000)
    assert answer.status_code == 404
    assert len(answer.text) < 200


def test_a_ledger_that_does_not_answer_holds_up_no_request(
    house, champion, sample_rows, monkeypatch
):
    house.route(champion)
    gateway = house.gateway()
    heard = threading.Event()
    monkeypatch.setattr(gateway.follower, "follow", lambda: heard.wait(20))
    rows = sample_rows(1)

    async def scene():
        following = asyncio.create_task(
            gateway.send("POST", "/admin/follow", headers={"authorization": f"Bearer {TOKEN}"})
        )
        await asyncio.sleep(0.05)
        answer = await gateway.send("POST", "/invocations", json={"inputs": rows})
        assert answer.json() == {"predictions": champion.expected(rows)}
        assert not following.done()
        heard.set()
        return await following

    assert asyncio.run(scene()).status_code == 200
