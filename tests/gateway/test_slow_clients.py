"""Clients that are slow, leave, or are too many, beside one that must not notice them."""

import hashlib
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import lightgbm
import numpy as np
import pytest

from sixgates.gates.card import Task
from sixgates.gates.encoding import encode_rows
from tests.gateway.sockets import CHUNKED, Answers, GoodClient, answer, request, running

pytestmark = pytest.mark.slow


@contextmanager
def beside_a_good_client(house, trained, sample_rows, **limits):
    """Yield a gateway and its client; nobody may have disturbed the one or the other."""
    house.route(trained)
    rows = sample_rows(2)
    with running(house, **limits) as gateway:
        with GoodClient(gateway.url, rows, trained.expected(rows)) as good:
            yield gateway, good
            good.goes_on()
        assert not good.failed
        assert gateway.stop() == (0, "")


def trickle(connection, pieces):
    """Send bit by bit, until the other side has enough of it."""
    connection.settimeout(0.05)
    for piece in pieces:
        try:
            connection.sendall(piece)
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            continue
        except ConnectionError:
            pass
        break
    else:
        raise AssertionError("the gateway waited to the end")
    connection.settimeout(20)


def test_a_head_that_comes_too_slowly_is_refused(house, champion, sample_rows):
    with (
        beside_a_good_client(house, champion, sample_rows, HEAD_SECONDS=0.5) as (gateway, good),
        gateway.connect() as slow,
    ):
        slow.sendall(b"POST /invocations HTTP/1.1\r\n")
        trickle(slow, (b"x-%d: slow\r\n" % i for i in range(200)))
        sentence = "the head did not come within 0.5 seconds"
        assert answer(slow) == (408, {"error": sentence})
        good.goes_on()


def test_a_body_that_comes_too_slowly_is_refused(house, champion, sample_rows):
    with (
        beside_a_good_client(house, champion, sample_rows, BODY_SECONDS=0.5) as (gateway, good),
        gateway.connect() as slow,
    ):
        slow.sendall(request(b"", length=10_000))
        trickle(slow, (b"[" for _ in range(200)))
        sentence = "the request did not come within 0.5 seconds"
        assert answer(slow) == (408, {"error": sentence})
        good.goes_on()
        metrics = httpx.get(f"{gateway.url}/metrics").text
        assert 'sixgates_gateway_refusals_total{model="churn",status="408"} 1.0' in metrics


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/churn/infer", "/labels"])
def test_half_a_body_and_then_silence_is_refused(house, champion, sample_rows, path):
    with (
        beside_a_good_client(house, champion, sample_rows, BODY_SECONDS=0.5) as (gateway, good),
        gateway.connect() as silent,
        gateway.connect() as chunked,
    ):
        silent.sendall(request(b'{"inputs": [', path, length=10_000))
        chunked.sendall(request(b"5\r\n[[[[[\r\n", path, CHUNKED))
        assert answer(silent)[0] == 408
        assert answer(chunked)[0] == 408
        good.goes_on()


def test_clients_that_leave_disturb_nobody(house, champion, sample_rows):
    body = {"inputs": sample_rows(300)}
    whole = request(body)
    with beside_a_good_client(house, champion, sample_rows) as (gateway, good):
        for sent in (whole[:40], whole[: len(whole) // 2], whole) * 20:
            with gateway.connect() as leaving:
                leaving.sendall(sent)
        for _ in range(20):
            with gateway.connect() as leaving:
                linger_not = b"\x01\x00\x00\x00\x00\x00\x00\x00"
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
                leaving.sendall(whole)
        good.goes_on()


@pytest.fixture(scope="module")
def wordy(train, sample_rows):
    """A model of 40 classes: its answer to 10,000 rows is 8 MB."""
    base = train(Task.MULTICLASS)
    rows, rng = sample_rows(400), np.random.default_rng(0)
    data = lightgbm.Dataset(encode_rows(base.card, rows), rng.integers(40, size=400).astype(float))
    quiet = {"verbosity": -1, "num_threads": 1, "objective": "multiclass", "num_class": 40}
    text = lightgbm.train(quiet, data, num_boost_round=2).model_to_string()
    trained = replace(base, text=text.encode(), booster=lightgbm.Booster(model_str=text))
    probe = replace(
        base.card.probes[0], expected=tuple(trained.expected([base.card.probes[0].row])[0])
    )
    digest = hashlib.sha256(trained.text).hexdigest()
    classes = tuple(f"c{i}" for i in range(40))
    return replace(
        trained, card=replace(base.card, digest=digest, classes=classes, probes=(probe,))
    )


def rss(gateway):
    """Return the memory that the process holds, in MiB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_a_client_that_never_reads_its_answers_is_left(house, wordy, sample_rows):
    wordy.put(house.store)
    whole = request({"inputs": sample_rows(10_000)})
    with beside_a_good_client(house, wordy, sample_rows, IDLE_SECONDS=1.5) as (gateway, good):
        with gateway.connect() as deaf, gateway.connect() as deaf_and_eager:
            deaf.sendall(whole)
            with suppress(TimeoutError, ConnectionError):
                deaf_and_eager.settimeout(5)
                for _ in range(20):
                    deaf_and_eager.sendall(whole)
            good.goes_on()
            for connection in (deaf, deaf_and_eager):
                wait_until_left(connection)
        assert rss(gateway) < 600
        good.goes_on()


def wait_until_left(connection):
    """Wait until the other side has closed, without reading what it sent."""
    deadline = time.monotonic() + 30
    while connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1:  # established
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_idle_clients_are_left_and_busy_ones_are_not(house, champion, sample_rows):
    limits = {"IDLE_SECONDS": 1.0, "HEAD_SECONDS": 0.3}
    with (
        beside_a_good_client(house, champion, sample_rows, **limits) as (gateway, good),
        ExitStack() as stack,
    ):
        many = [stack.enter_context(gateway.connect()) for _ in range(200)]
        for connection in many[:50]:
            connection.sendall(request({"inputs": sample_rows(1)}))
        good.goes_on()
        for connection in many[:50]:
            answers = Answers(connection)
            assert answers.next()[0] == 200
            assert answers.next() is None
        assert [connection.recv(1) for connection in many[50:]] == [b""] * 150
        good.goes_on()


def test_one_client_too_many_is_told_and_later_taken_in(house, champion, sample_rows):
    with beside_a_good_client(house, champion, sample_rows, MAX_CONNECTIONS=10) as (gateway, good):
        with ExitStack() as stack:
            taken = [stack.enter_context(gateway.connect()) for _ in range(9)]
            for _ in range(100):
                with gateway.connect() as refused:
                    sentence = "10 clients are connected: try again later"
                    assert answer(refused) == (503, {"error": sentence})
            told = httpx.post(f"{gateway.url}/invocations", json={"inputs": sample_rows(1)})
            assert (told.status_code, told.json()) == (503, {"error": sentence})
            taken[0].sendall(request({"inputs": sample_rows(1)}))
            assert Answers(taken[0]).next()[0] == 200
        good.goes_on()
        with gateway.connect() as taken_in:
            taken_in.sendall(request({"inputs": sample_rows(1)}))
            assert Answers(taken_in).next()[0] == 200


def test_more_large_requests_than_memory_is_for_are_told(house, champion, sample_rows):
    whole = request({"inputs": sample_rows(10_000)})
    half = len(whole) // 2
    with beside_a_good_client(house, champion, sample_rows, MAX_HELD=len(whole)) as (gateway, good):
        for _ in range(3):
            with ExitStack() as stack:
                first, second, third = (stack.enter_context(gateway.connect()) for _ in range(3))
                for connection in (first, second):
                    connection.sendall(whole[: half - 1000])
                    good.goes_on()
                third.sendall(whole[:half])
                sentence = f"{len(whole):,} bytes of requests are held: try again later"
                assert answer(third) == (503, {"error": sentence})
                first.close()
                good.goes_on()
                second.sendall(whole[half - 1000 :])
                assert Answers(second).next()[0] == 200


def test_what_comes_after_a_refusal_is_not_held(house, champion, sample_rows):
    whole = request({"inputs": sample_rows(10_000)})
    refused = request(b" " * (17 * 2**20))
    with (
        beside_a_good_client(house, champion, sample_rows, MAX_HELD=len(whole)) as (gateway, _),
        gateway.connect() as large,
        gateway.connect() as other,
    ):
        large.sendall(refused)
        assert Answers(large).next()[0] == 413
        other.sendall(whole)
        assert Answers(other).next()[0] == 200
        large.sendall(request({"inputs": sample_rows(1)}))
        assert Answers(large).next()[0] == 200
