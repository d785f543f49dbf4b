"""A replay sends rows without their labels, names them stably, and counts what fails."""

import json
from datetime import datetime, timedelta

import httpx
import numpy as np
import polars as pl
import pytest

from projects.loans import project
from simulation import traffic
from simulation.skew import no_inquiries
from simulation.traffic import Replay
from simulation.world import World
from sixgates.gates.errors import ContractError, TransientError

WORLD = World(seed=5, start=datetime(2026, 1, 5), days=3, rows_per_day=50)  # noqa: DTZ001 - naive UTC
FRAME = WORLD.frame()


class Gateway:
    """Answers each row with its debt ratio, and remembers what it was sent."""

    def __init__(self, faults=()):
        self.requests, self.labels, self.faults = {}, [], list(faults)

    def __call__(self, request):
        if self.faults and (fault := self.faults.pop(0)) is not None:
            if isinstance(fault, Exception):
                raise fault
            return fault
        body = json.loads(request.content)
        if request.url.path == "/labels":
            self.labels += body
            return httpx.Response(200, json={})
        rows = body["dataframe_records"]
        self.requests[request.headers["x-request-id"]] = rows
        return httpx.Response(200, json={"predictions": [r["debt_ratio"] for r in rows]})


def replay(gateway, **options):
    transport = httpx.MockTransport(gateway)
    return Replay("http://gateway", project, FRAME, transport=transport, **options)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0.0)


def test_rows_are_sent_in_order_without_their_label():
    gateway, rows = Gateway(), WORLD.rows_of(FRAME, 1)
    with replay(gateway) as sender:
        day = sender.send(rows)
    assert list(gateway.requests) == ["loans-00000050", "loans-00000070", "loans-00000090"]
    sent = [row for request in gateway.requests.values() for row in request]
    assert [r["customer"] for r in sent] == rows["customer"].to_list()
    assert set(sent[0]) == {"ts", "customer", *project.roles.features}
    assert datetime.fromisoformat(sent[0]["ts"]) == rows["ts"][0]
    assert (day.requests, day.failed) == (3, 0)
    assert day.predictions.tolist() == rows["debt_ratio"].to_list()


def test_a_replay_that_starts_again_sends_the_same_names():
    first, second = Gateway(), Gateway()
    replay(first).send(FRAME)
    replay(second).send(WORLD.rows_of(FRAME, 0))
    assert first.requests["loans-00000040"][:10] == second.requests["loans-00000040"]


def test_labels_name_the_request_and_row_that_their_row_had():
    gateway = Gateway()
    sender = replay(gateway)
    sender.send(WORLD.rows_of(FRAME, 0))
    sender.send(WORLD.rows_of(FRAME, 1))
    # In other portions than they were sent, and partly never sent.
    assert sender.send_labels(FRAME.slice(45, 60)) == 55
    customers = {
        (name, i): row["customer"]
        for name, rows in gateway.requests.items()
        for i, row in enumerate(rows)
    }
    for label, row in zip(gateway.labels, FRAME.slice(45, 55).iter_rows(named=True), strict=True):
        assert customers[label["request"], label["row"]] == row["customer"]
        assert label["label"] == row["defaulted"]
        assert datetime.fromisoformat(label["at"]) == row["ts"] + timedelta(days=2)


def test_labels_that_are_known_here_and_there_go_to_the_rows_they_are_of():
    gateway, day = Gateway(), FRAME.slice(50, 50)
    sender = replay(gateway)
    sender.send(day)
    places = pl.Series([52, 69, 70, 99])
    assert sender.send_labels(FRAME[places], places) == 4
    asked = [gateway.requests[said["request"]][said["row"]] for said in gateway.labels]
    assert [row["customer"] for row in asked] == FRAME["customer"][places].to_list()
    assert [said["label"] for said in gateway.labels] == FRAME["defaulted"][places].to_list()


@pytest.mark.parametrize("label", [None, float("nan"), float("inf")])
def test_a_row_without_a_label_sends_none(label):
    gateway = Gateway()
    sender = replay(gateway)
    sender.send(FRAME)
    unknown = FRAME.with_columns(defaulted=pl.lit(label, pl.Float64))
    assert sender.send_labels(unknown) == 0
    assert gateway.labels == []


def test_a_skew_changes_what_is_sent_and_not_the_rows():
    gateway = Gateway()
    day = replay(gateway, serve_skew=no_inquiries).send(FRAME)
    assert {r["inquiries"] for rows in gateway.requests.values() for r in rows} == {0.0}
    assert day.rows.equals(FRAME)


def test_what_json_cannot_say_is_sent_as_missing():
    gateway = Gateway()
    replay(gateway).send(FRAME.with_columns(income=pl.lit(float("nan")), age=pl.lit(float("inf"))))
    row = gateway.requests["loans-00000000"][0]
    assert row["income"] is None
    assert row["age"] is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="boom"),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json={"answers": []}),
        httpx.Response(200, json={"predictions": [0.1]}),
    ],
    ids=["error", "no json", "no predictions", "too few"],
)
def test_a_request_without_a_usable_answer_counts_as_failed(answer):
    day = replay(Gateway([None, answer])).send(WORLD.rows_of(FRAME, 0))
    assert (day.requests, day.failed) == (3, 1)
    assert np.isnan(day.predictions[20:40]).all()
    assert day.answered.sum() == 30
    assert day.faults[0].startswith("loans-00000020: ")


def test_a_short_silence_is_bridged():
    silence = httpx.ConnectError("refused")
    day = replay(Gateway([silence, silence])).send(WORLD.rows_of(FRAME, 0))
    assert day.failed == 0


def test_a_long_silence_fails_the_request_and_is_no_label_sent():
    silence = [httpx.ConnectError("refused")] * traffic.ATTEMPTS
    assert replay(Gateway(silence)).send(WORLD.rows_of(FRAME, 0)).failed == 1
    sender = replay(Gateway([None, None, None, *silence]))
    sender.send(WORLD.rows_of(FRAME, 0))
    with pytest.raises(TransientError, match="labels"):
        sender.send_labels(WORLD.rows_of(FRAME, 0))


def test_labels_that_the_gateway_refuses_are_not_lost_in_silence():
    sender = replay(Gateway([None, None, None, httpx.Response(400, text="not so")]))
    sender.send(WORLD.rows_of(FRAME, 0))
    with pytest.raises(ContractError, match="not so"):
        sender.send_labels(WORLD.rows_of(FRAME, 0))


def test_labels_that_the_gateway_could_not_keep_may_be_sent_again():
    sender = replay(Gateway([None, None, None, httpx.Response(507, text="no room")]))
    sender.send(WORLD.rows_of(FRAME, 0))
    with pytest.raises(TransientError, match="no room"):
        sender.send_labels(WORLD.rows_of(FRAME, 0))
    assert sender.send_labels(WORLD.rows_of(FRAME, 0)) == 50


def test_rows_that_are_no_stretch_of_the_frame_are_refused():
    with pytest.raises(ContractError, match="stretch"):
        replay(Gateway()).send(FRAME.gather([3, 7]))


def test_a_day_without_traffic_is_an_empty_day():
    day = replay(Gateway()).send(FRAME.clear())
    assert (day.requests, day.failed, len(day.predictions)) == (0, 0, 0)


def test_rows_whose_clients_gave_up_are_not_sent_and_get_no_label():
    gateway, rows = Gateway(), WORLD.rows_of(FRAME, 1)
    kept = np.ones(50, dtype=bool)
    kept[[0, 3]] = kept[20:40] = False
    with replay(gateway) as sender:
        day = sender.send(rows, kept)
        sender.send_labels(rows)
    assert {name: len(sent) for name, sent in gateway.requests.items()} == {
        "loans-00000050": 18, "loans-00000090": 10,
    }  # fmt: skip
    assert (day.requests, day.failed) == (2, 0)
    assert (day.answered == kept).all()
    expected = rows["debt_ratio"].to_numpy()
    assert day.predictions[kept].tolist() == expected[kept].tolist()
    told = {(label["request"], label["row"]): label["label"] for label in gateway.labels}
    assert len(told) == 28
    assert told["loans-00000050", 0] == rows["defaulted"][1]
    assert told["loans-00000050", 2] == rows["defaulted"][4]


def test_a_replay_can_go_on_at_another_gateway():
    hosts = []

    def answer(request):
        hosts.append(request.url.host)
        return httpx.Response(200, json={"predictions": [0.5] * 10})

    with replay(answer, rows_per_request=10) as sender:
        for day, url in enumerate(("http://gateway", "http://another")):
            sender.move_to(url)
            sender.send(WORLD.rows_of(FRAME, day).head(10))
    assert hosts == ["gateway", "another"]
