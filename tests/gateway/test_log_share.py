"""A gateway that logs a share of its requests: rows, shadows and labels agree on which."""

import signal

import httpx
import pytest

from sixgates.adapters.compaction import compact_log
from sixgates.adapters.delta_log import DeltaLog
from sixgates.gates.log_sample import is_logged
from sixgates.gates.records import Arm
from tests.gateway.test_breaker import broken, fails, theirs
from tests.gateway.test_process import refusal, running

SHARE = 0.3
REQUESTS = [f"order-{n}" for n in range(60)]
IN = {request for request in REQUESTS if is_logged(request, SHARE)}
LABELS = [{"request": request, "row": row, "label": 1} for request in REQUESTS for row in (0, 1)]


def test_rows_shadows_and_labels_agree_on_which_requests_are_in(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    rows = sample_rows(2)
    with running(house, SIXGATES_LOG_SHARE=str(SHARE)) as (process, url):
        with httpx.Client(base_url=url) as http:
            for request in REQUESTS:
                answer = http.post(
                    "/invocations", json={"inputs": rows}, headers={"x-request-id": request}
                )
                assert answer.headers["x-request-id"] == request
                assert len(answer.json()["predictions"]) == 2
            reply = http.post("/labels", json=LABELS)
            said, metrics = http.get("/serving").json(), http.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    assert reply.json() == {"accepted": len(LABELS)}

    predictions = house.predictions()
    rows_of = {v: {(p.request, p.row) for p in predictions if p.version == v} for v in "12"}
    wanted = {(request, row) for request in IN for row in (0, 1)}
    assert rows_of == {"1": wanted, "2": wanted}  # pairs are whole
    assert sum(p.arm is Arm.SHADOW for p in predictions) == len(wanted)
    assert {(label.request, label.row) for label in house.labels()} == wanted
    counts = compact_log(
        DeltaLog(house.log, house.log.parent / "tables"), "churn", None, lambda: None
    ).counts
    assert (counts.new, counts.unknown) == (len(wanted), 0)

    left_out = len(LABELS) - len(wanted)
    names = ("log_share", "left_out", "left_out_labels", "unlogged")
    assert [said[name] for name in names] == [SHARE, left_out, left_out, 0]
    for name, value in zip(names, (SHARE, left_out, left_out, 0), strict=True):
        assert f'sixgates_gateway_{name}{{model="churn"}} {float(value)}' in metrics
    scored = [line for line in metrics.splitlines() if "gateway_predictions_total{" in line]
    answered = [float(line.split()[-1]) for line in scored if 'arm="shadow"' not in line]
    assert sum(answered) == len(LABELS)  # the metrics count every request


def test_the_breaker_sees_requests_that_are_left_out(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway, row = house.gateway(log_share=1e-12), theirs(sample_rows(50))
    broken(monkeypatch, gateway, fails)
    for _ in range(5):
        assert gateway.score([row]).json()["predictions"] == champion.expected([row])
    assert gateway.get("/serving").json()["cut"] == "it failed in 5 of its last 5 answers"
    assert house.predictions() == []


def test_a_large_request_is_in_or_out_with_all_its_rows(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.5)
    gateway, rows = house.gateway(log_share=SHARE), sample_rows(300)
    out = next(request for request in REQUESTS if request not in IN)
    for request in (min(IN), out):
        assert gateway.score(rows, headers={"x-request-id": request}).status_code == 200
    kept = house.predictions()
    assert {p.request for p in kept} == {min(IN)}
    assert len(kept) == 2 * len(rows)
    assert gateway.state.left_out == len(rows)


@pytest.mark.parametrize("share", ["0", "1.5", "nan", "half"])
def test_what_is_no_share_is_refused(house, share, monkeypatch):
    monkeypatch.setenv("SIXGATES_LOG_SHARE", share)
    assert f"SIXGATES_LOG_SHARE is '{share}': set it to the share" in refusal(house)
