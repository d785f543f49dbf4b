"""What SIGTERM does to requests under way, to those on their way, and to clients that hang."""

import json
import os
import signal
import time
from contextlib import ExitStack

import pytest

from tests.gateway.sockets import Answers, GoodClient, request, running
from tests.gateway.test_workers import children

pytestmark = pytest.mark.slow
ASKED_AGAIN = """
import os, signal
from sixgates.gateway.state import State

close = State.close

def asked_again(self):
    os.kill(os.getpid(), signal.SIGTERM)
    close(self)

State.close = asked_again
"""
ASKED_EARLY = """
import os, signal, uvicorn

run = uvicorn.Server.run

def asked_early(self, **given):
    os.kill(os.getpid(), signal.SIGTERM)
    run(self, **given)

uvicorn.Server.run = asked_early
"""


def wait_until_refused(gateway):
    deadline = time.monotonic() + 20
    while True:
        try:
            with gateway.connect():
                assert time.monotonic() < deadline
                time.sleep(0.01)
        except ConnectionError:
            return


def test_busy_clients_see_no_failed_request_and_then_nobody(house, champion, sample_rows):
    house.route(champion)
    rows = sample_rows(2)
    with running(house) as gateway, ExitStack() as stack:
        clients = [
            stack.enter_context(GoodClient(gateway.url, rows, champion.expected(rows)))
            for _ in range(8)
        ]
        assert gateway.stop() == (0, "")
        for client in clients:
            client.join()
        assert [(client.failed, client.ended) for client in clients] == [([], "refused")] * 8
    answered = sum(client.answers for client in clients)
    assert len(house.predictions()) == 2 * answered


def test_what_is_under_way_is_answered_and_what_is_new_is_not(house, champion, sample_rows):
    house.route(champion)
    rows = sample_rows(10_000)
    whole = request({"inputs": rows})
    with running(house) as gateway, ExitStack() as stack:
        idle, asked, half, late = (stack.enter_context(gateway.connect()) for _ in range(4))
        asked.sendall(whole)
        half.sendall(whole[: len(whole) // 2])
        late.sendall(whole[:20])
        time.sleep(0.3)  # All of that has arrived.
        gateway.process.terminate()
        wait_until_refused(gateway)
        half.sendall(whole[len(whole) // 2 :])
        late.sendall(whole[20:])
        idle.sendall(request({"inputs": sample_rows(1)}))
        for connection, expected in (
            (asked, champion.expected(rows)),
            (half, champion.expected(rows)),
            (late, champion.expected(rows)),
            (idle, champion.expected(sample_rows(1))),
        ):
            answers = Answers(connection)
            status, headers, body = answers.next()
            assert (status, json.loads(body)) == (200, {"predictions": expected})
            assert connection is asked or headers["connection"] == "close"
            assert answers.next() is None
        assert (gateway.process.communicate(timeout=30)[1], gateway.process.returncode) == ("", 0)


def test_whoever_asks_again_to_stop_cuts_off_nothing_that_is_written_at_the_end(
    house, champion, sample_rows, tmp_path
):
    house.route(champion)
    rows, noted = sample_rows(40), tmp_path / "access.jsonl"
    options = ("--log-mode", "async", "--access-log", str(noted))
    with running(house, *options, before=ASKED_AGAIN) as gateway, gateway.connect() as connection:
        connection.sendall(b"".join(request({"inputs": [row]}) for row in rows))
        answers = Answers(connection)
        assert [answers.next()[0] for _ in rows] == [200] * len(rows)
        assert gateway.stop() == (0, "")
    assert len(house.predictions()) == len(noted.read_text().splitlines()) == len(rows)


def test_workers_that_drain_leave_nobody_waiting_at_their_port(house, champion, sample_rows):
    house.route(champion)
    whole = request({"inputs": sample_rows(10_000)})
    with running(house, "--workers", "2") as gateway, gateway.connect() as connection:
        connection.sendall(whole[: len(whole) // 2])
        time.sleep(0.3)  # All of that has arrived.
        gateway.process.terminate()
        wait_until_refused(gateway)
        connection.sendall(whole[len(whole) // 2 :])
        assert Answers(connection).next()[0] == 200
        assert gateway.process.wait(timeout=30) == 0


def test_ctrl_c_which_reaches_workers_twice_lets_them_answer_what_is_under_way(
    house, champion, sample_rows
):
    house.route(champion)
    whole = request({"inputs": sample_rows(10_000)})
    with running(house, "--workers", "2") as gateway, ExitStack() as stack:
        connections = [stack.enter_context(gateway.connect()) for _ in range(4)]
        for connection in connections:
            connection.sendall(whole[: len(whole) // 2])
        time.sleep(0.3)  # All of that has arrived.
        for process in (*children(gateway.process.pid), gateway.process.pid):
            os.kill(process, signal.SIGINT)
            time.sleep(0.3)  # A second one is told from the first.
        for connection in connections:
            connection.sendall(whole[len(whole) // 2 :])
        assert [Answers(connection).next()[0] for connection in connections] == [200] * 4
        assert gateway.process.wait(timeout=30) == 0


def test_a_stop_that_comes_before_the_server_listens_to_signals_is_not_lost(house, champion):
    house.route(champion)
    with running(house, before=ASKED_EARLY) as gateway:
        assert gateway.process.wait(timeout=20) == 0
    assert house.ledger.gateways("churn") == []


def test_a_client_that_hangs_holds_nothing_up_for_longer_than_the_limit(
    house, champion, sample_rows
):
    house.route(champion)
    with running(house, DRAIN_SECONDS=1.5) as gateway, ExitStack() as stack:
        head, body, _idle = (stack.enter_context(gateway.connect()) for _ in range(3))
        deaf = stack.enter_context(gateway.connect(room=4096))
        head.sendall(b"POST /invocations HTTP/1.1\r\n")
        body.sendall(request(b"[", length=10))
        deaf.sendall(request({"inputs": sample_rows(10_000)}) * 3)
        while len(house.predictions()) < 20_000:  # The second answer is written, or waits.
            time.sleep(0.05)
        assert gateway.stop() == (0, "")
        for connection in (head, body):
            status, _, said = Answers(connection).next()
            assert (status, said) == (503, b'{"error":"the gateway stops: ask again later"}')
