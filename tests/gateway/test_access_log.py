import json
import os

import pytest

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.http.access_log import AccessLog

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_request_has_a_line(house, champion, sample_rows, path):
    house.route(champion)
    gateway = house.gateway(access_log=AccessLog(path))
    gateway.score(sample_rows(1), headers={"x-request-id": "q", "traceparent": PARENT})
    gateway.score([{}])
    gateway.get("/healthz")
    gateway.state.tend()
    scored, refused, health = lines(path)
    assert (scored["method"], scored["path"], scored["status"]) == ("POST", "/invocations", 200)
    assert (scored["request"], scored["epoch"], scored["trace"]) == ("q", "1", PARENT)
    assert scored["client"] == "127.0.0.1"
    assert scored["bytes"] > 10
    assert scored["micros"] > 0
    assert (refused["status"], health["path"]) == (400, "/healthz")


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(house, path):
    gateway = house.gateway(access_log=AccessLog(path))
    gateway.get("/healthz")
    gateway.state.tend()
    path.rename(path.with_suffix(".1"))
    gateway.get("/serving")
    gateway.state.tend()
    assert [line["path"] for line in lines(path)] == ["/serving"]


def test_a_file_that_cannot_be_opened_again_closes_nothing_of_others(house, path):
    folder = path.parent / "logs"
    folder.mkdir()
    gateway = house.gateway(access_log=AccessLog(folder / path.name))
    folder.rename(path.parent / "moved")
    gateway.get("/healthz")
    gateway.state.tend()
    other = os.open(path, os.O_WRONLY | os.O_CREAT)  # gets the lowest number that is free
    gateway.get("/healthz")
    gateway.state.tend()
    assert os.write(other, b"a") == 1
    folder.mkdir()
    gateway.get("/serving")
    gateway.state.tend()
    assert [line["path"] for line in lines(folder / path.name)] == ["/serving"]
    assert path.read_text() == "a"
    os.close(other)


def test_a_full_disk_hurts_no_request_and_is_said_once(
    house, champion, sample_rows, path, monkeypatch, caplog
):
    house.route(champion)
    gateway = house.gateway(access_log=AccessLog(path))
    gateway.score(sample_rows(1))
    write = os.write

    def full(fd, data):
        if b'"method"' in data:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        assert gateway.score(sample_rows(1)).status_code == 200
        gateway.state.tend()
    assert caplog.text.count("No space left") == 1


def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match="choose another with --access-log"):
        AccessLog(tmp_path / "absent" / "access.jsonl")


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00-0-0-0",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7",
        "caf\xe9",
    ],
)
def test_a_trace_that_is_none_is_left_out(house, champion, sample_rows, parent):
    house.route(champion)
    answer = house.gateway().score(
        sample_rows(1), headers={"traceparent": parent.encode("latin-1")}
    )
    assert answer.status_code == 200
    assert "traceparent" not in answer.headers
    assert house.predictions()[0].trace == ""


def test_a_trace_goes_into_the_log_and_back_with_the_answer(house, champion, sample_rows):
    house.route(champion)
    answer = house.gateway().score(sample_rows(1), headers={"traceparent": PARENT})
    assert answer.headers["traceparent"] == PARENT
    assert house.predictions()[0].trace == TRACE
