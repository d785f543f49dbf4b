"""What is answered without the application, and what is not: both must look alike to a client."""

import asyncio
import json
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from sixgates.gateway.http.access_log import AccessLog
from sixgates.gateway.http.bodies import INLINE_BYTES
from sixgates.gateway.http.connections import connection_type
from tests.gateway.sockets import running

BODY = {"inputs": [{"age": 30, "spend": 1.0, "region": "north", "customer": "ada", "when": 5.0}]}


def post(body, *headers, path="/invocations"):
    content = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json",
        f"content-length: {len(content)}", *headers,
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def read(connection, n=1):
    """Read so many answers: heads without what differs by time, and bodies."""
    received = b""
    while len(re.findall(rb"HTTP/1.1 \d+", received)) < n or not received.endswith((b"}", b"\n\n")):
        part = connection.recv(65536)
        if not part:
            break
        received += part
    return [
        (sorted(line for line in head.lower().split(b"\r\n") if not line.startswith(b"date")), body)
        for head, _, body in (
            answer.partition(b"\r\n\r\n") for answer in re.split(rb"(?=HTTP/1\.1)", received)[1:]
        )
    ]


def scope(*headers, path="/invocations"):
    return {
        "type": "http", "method": "POST", "path": path,
        "headers": [(b"content-type", b"application/json"), *headers],
    }  # fmt: skip


def test_what_is_usual_is_answered_logged_counted_and_shadowed_once(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    rows = sample_rows(40)

    async def answer(row):
        return gateway.app.answer_at_once(
            scope((b"x-request-id", row["customer"].encode())),
            json.dumps({"inputs": [row]}).encode(),
        )

    for row in rows:
        head, _, body = asyncio.run(answer(row)).partition(b"\r\n\r\n")
        assert b"x-request-id: " + row["customer"].encode() in head
        assert json.loads(body)["predictions"] in (
            champion.expected([row]),
            challenger.expected([row]),
        )
        gateway.state.shadows.settle()
    assert (
        len({(p.request, p.version) for p in house.predictions()}) == 80 == len(house.predictions())
    )
    assert 'gateway_seconds_count{model="churn"} 40.0' in gateway.get("/metrics").text


def test_what_is_answered_at_once_has_a_line_in_the_access_log(house, champion, tmp_path):
    house.route(champion)
    path = tmp_path / "access.jsonl"
    gateway = house.gateway(access_log=AccessLog(path))
    for one in (scope((b"x-request-id", b"q")), scope()):
        gateway.app.answer_at_once(one, json.dumps(BODY).encode())
    gateway.app.answer_at_once(scope(), b"{")
    gateway.post("/invocations", BODY, headers={"x-request-id": "by the application"})
    gateway.state.tend()
    first, second, third = (json.loads(line) for line in path.read_text().splitlines())
    assert (first["request"], third["request"]) == ("q", "by the application")
    for line in (first, second, third):
        assert (line["status"], line["path"], line["epoch"]) == (200, "/invocations", "1")
        assert line["bytes"] == third["bytes"] > 10


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (scope(path="/serving"), b"{}"),
        (scope() | {"method": "GET"}, b""),
        (scope(), b"{"),
        (scope(), b'{"inputs": [{}]}'),
        (scope((b"x-sixgates-arm", b"canary")), json.dumps(BODY).encode()),
        (scope() | {"headers": []}, json.dumps(BODY).encode()),
        (scope(), b" " * (INLINE_BYTES + 1)),
    ],
)
def test_what_is_to_be_refused_or_is_large_is_left_to_the_application(
    house, champion, challenger, given, body
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    assert gateway.app.answer_at_once(given, body) is None
    assert house.predictions() == []
    assert "refusals_total{" not in gateway.get("/metrics").text


def test_a_champion_that_fails_is_left_to_the_application_and_logged_once(
    house, champion, monkeypatch
):
    house.route(champion)
    gateway = house.gateway()

    def fails(_packed):
        raise RuntimeError("out of order")

    for name in ("predict", "predict_one"):
        monkeypatch.setattr(gateway.follower.served.champion.booster, name, fails)
    assert gateway.app.answer_at_once(scope(), json.dumps(BODY).encode()) is None
    assert house.predictions() == []
    assert gateway.post("/invocations", BODY).status_code == 500
    assert len(house.predictions()) == 1


def test_an_answer_that_breaks_is_told_of_once_and_others_are_given(caplog):
    asked = []

    def answer(_scope, body):
        asked.append(json.loads(body))
        if asked[-1] == "break":
            raise RuntimeError("out of order")
        return b"content-length: 2\r\n\r\n{}"

    async def application(_scope, _receive, _send):
        raise AssertionError("what was done by half is not to be done again")

    async def talk():
        connection = connection_type(answer, lambda _: None)
        config = uvicorn.Config(application, http=connection, lifespan="off", log_config=None)
        config.load()
        server = await asyncio.get_running_loop().create_server(
            lambda: connection(config=config, server_state=ServerState(), app_state={}),
            "127.0.0.1", 0,
        )  # fmt: skip
        said = []
        for bodies in (["well", "break"], ["well"]):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"".join(map(post, bodies)))
            writer.write_eof()
            said.append(await asyncio.wait_for(reader.read(), 20))
            writer.close()
        server.close()
        return said

    broken, well = asyncio.run(talk())
    assert re.findall(rb"HTTP/1.1 (\d+)", broken) == [b"200", b"500"]
    assert re.findall(rb"HTTP/1.1 (\d+)", well) == [b"200"]
    assert asked == ["well", "break", "well"]
    assert [str(record.exc_info[1]) for record in caplog.records] == ["out of order"]


@pytest.mark.slow
def test_requests_in_one_piece_in_many_and_in_a_row_are_answered_alike(house, champion):
    house.route(champion)
    one = post(BODY, "x-request-id: q")
    with running(house) as gateway, gateway.connect() as connection:
        connection.sendall(one)
        (whole,) = read(connection)
        for part in (one[:60], one[60:-10], one[-10:]):
            connection.sendall(part)
        (in_pieces,) = read(connection)
        connection.sendall(one * 3)
        in_a_row = read(connection, 3)
        connection.sendall(post(BODY, "x-request-id: q", "expect: 100-continue"))
        *_, expected = read(connection)
        connection.sendall(post(BODY, "x-request-id: q", "connection: close"))
        (last,) = read(connection)
        assert connection.recv(10) == b""
    assert [in_pieces, *in_a_row, expected] == [whole] * 5
    assert last == (sorted([*whole[0], b"connection: close"]), whole[1])
    assert len([p for p in house.predictions() if p.request == "q"]) == 7
