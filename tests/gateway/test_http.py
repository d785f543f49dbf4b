"""What is not quite HTTP, or more of it than anybody needs."""

import json
import socket

import pytest

from tests.gateway.conftest import House
from tests.gateway.sockets import CHUNKED, Answers, answer, request, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, champion):

    house = House(tmp_path_factory.mktemp("house"))
    champion.put(house.store)
    house.route(champion)
    with running(house) as gateway:
        yield gateway
        assert gateway.stop() == (0, "")
    house.ledger.close()


def assert_right(answered, expected):
    status, _, body = answered
    assert (status, json.loads(body)) == (200, {"predictions": expected})


def refusal(gateway, sent):
    with gateway.connect() as connection:
        connection.sendall(sent)
        status, said = answer(connection)
        return status, said["error"]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\x01\x02\x03",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET http://host HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad\x00name: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nab",
    ],
)
def test_what_is_no_http_is_refused_with_a_sentence(gateway, junk):
    status, sentence = refusal(gateway, junk)
    assert status == 400
    assert sentence.startswith("this is not HTTP/1.1: ")


def test_a_broken_chunk_is_refused(gateway):
    sent = request(b"5\r\n[[[[[\r\nnot a number\r\n", length=CHUNKED)
    assert refusal(gateway, sent)[0] == 400


def test_junk_is_refused_after_what_came_before_it_is_answered(gateway, champion, sample_rows):
    rows = sample_rows(3_000)
    with gateway.connect() as connection:
        connection.sendall(request({"inputs": rows}) * 2 + b"junk\r\n\r\n")
        answers = Answers(connection)
        for _ in range(2):
            assert_right(answers.next(), champion.expected(rows))
        assert answers.next()[0] == 400
        assert answers.next() is None


def test_a_client_that_has_said_all_and_listens_is_answered(gateway, champion, sample_rows):
    rows = sample_rows(3_000)
    whole = request({"inputs": rows})
    for cut, said in ((40, 400), (len(whole) - 10, 400), (len(whole), 200)):
        with gateway.connect() as connection:
            connection.sendall(whole * 2 + whole[:cut])
            connection.shutdown(socket.SHUT_WR)
            answers = Answers(connection)
            for _ in range(2):
                assert_right(answers.next(), champion.expected(rows))
            assert answers.next()[0] == said
            assert answers.next() is None


H2C = b"connection: keep-alive, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\n"


def test_a_client_that_would_rather_speak_http_2_is_answered(gateway, champion, sample_rows):
    rows = sample_rows(3_000)
    whole = request({"inputs": rows}).replace(b"host:", H2C + b"host:")
    with gateway.connect() as connection:
        answers = Answers(connection)
        for n in (1, 3):
            connection.sendall(whole * n)
            for _ in range(n):
                assert_right(answers.next(), champion.expected(rows))


def test_whoever_wants_nothing_but_another_protocol_is_refused(gateway):
    wish = b"GET /chat HTTP/1.1\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n"
    assert refusal(gateway, wish)[0] == 404
    tunnel = b"CONNECT host:80 HTTP/1.1\r\nhost: host\r\n\r\n"
    assert refusal(gateway, tunnel + tunnel)[0] == 400


def test_a_head_without_an_end_is_refused(gateway):
    sent = b"GET /healthz HTTP/1.1\r\n" + b"x: " + b"a" * 400_000
    assert refusal(gateway, sent) == (431, "the head is larger than 65,536 bytes")


def test_trailers_without_an_end_are_refused(gateway):
    sent = request(b"1\r\n[\r\n0\r\n", length=CHUNKED)
    with gateway.connect() as connection:
        connection.sendall(sent)
        try:
            for _ in range(100):
                connection.sendall(b"x: " + b"a" * 1_000_000 + b"\r\n")
        except ConnectionError:
            pass
        status, said = answer(connection)
        assert (status, said["error"][:26]) == (413, "the request is larger than")
