import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.ports import SomeSilentError
from sixgates.ledger.ledger import Ledger

SERVING = {
    "epoch": 4,
    "champion": "6",
    "champion_digest": "aa",
    "beside": "7",
    "beside_digest": "bb",
    "arm": "canary",
    "share": 0.25,
    "unlogged": 0,
    "uptime": 12,
}


class Gateway:
    """A real server that gives one prepared answer and remembers what it was asked."""

    def __init__(self):
        self.status, self.body, self.asked = 200, json.dumps(SERVING).encode(), []
        self.first = lambda: None
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get("Content-Length") or 0)
                token = self.headers.get("Authorization")
                gateway.asked.append((self.command, self.path, token, self.rfile.read(size)))
                gateway.first()
                self.send_response(gateway.status)
                self.end_headers()
                self.wfile.write(gateway.body)

            do_GET = do_POST  # noqa: N815 - the server's name for it

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def gateway(ledger):
    gateway = Gateway()
    ledger.announce("churn", gateway.url)
    yield gateway
    gateway.close()


@pytest.fixture
def traffic(ledger):
    return GatewayTraffic(ledger, SecretStr("s3cret"))


@pytest.mark.parametrize(("lead", "minutes"), [(0, 0), (3_700, 61), (-3_700, -61), (-50, 0)])
def test_a_gateway_whose_clock_differs_says_by_how_much(traffic, gateway, lead, minutes):
    gateway.body = json.dumps({**SERVING, "clock": time.time() + lead}).encode()
    (answer,) = traffic.serving("churn")
    assert answer.ahead == minutes
    assert traffic.follow("churn", 4) == [answer]


def test_a_gateway_of_an_older_version_has_no_clock(traffic, gateway):
    assert "clock" not in json.loads(gateway.body)
    assert traffic.serving("churn")[0].ahead == 0


def test_a_gateway_that_proved_says_nothing(traffic, gateway):
    assert traffic.prove("churn", "bb") == []
    method, path, token, body = gateway.asked[0]
    assert (method, path, token) == ("POST", "/admin/prove", "Bearer s3cret")
    assert json.loads(body) == {"digest": "bb"}


def test_a_refusal_is_a_sentence_with_the_gateways_address(traffic, gateway):
    gateway.status, gateway.body = 409, b'{"error": "probe 3 differs in one bit"}'
    assert traffic.prove("churn", "bb") == [f"{gateway.url}: probe 3 differs in one bit"]
    gateway.body = b"<html>"
    assert traffic.prove("churn", "bb") == [f"{gateway.url}: <html>"]


def test_a_proof_is_of_those_that_were_asked(traffic, gateway, ledger, monkeypatch):
    gateway.first = lambda: ledger.announce("churn", "http://127.0.0.1:1")  # comes too late
    assert traffic.prove("churn", "bb") == []
    said = "all gateways that were asked answer its probes as the trainer did"
    assert traffic.proved("churn", "bb") == said
    alive = iter([[gateway.url], []])  # one that goes just then
    monkeypatch.setattr(ledger, "gateways", lambda _model: next(alive, []))
    assert traffic.prove("churn", "bb") == []
    assert len(gateway.asked) == 2
    with pytest.raises(TransientError, match="no gateway serves churn"):
        traffic.prove("churn", "bb")


@pytest.mark.parametrize("ask", ["follow", "serving"])
def test_what_is_served_is_read_back(traffic, gateway, ask):
    answer = traffic.follow("churn", 4) if ask == "follow" else traffic.serving("churn")
    (serving,) = answer
    assert (serving.url, serving.epoch, serving.champion) == (gateway.url, 4, "6")
    assert (serving.beside_digest, serving.arm, serving.share) == ("bb", "canary", 0.25)
    expected = ("POST", "/admin/follow") if ask == "follow" else ("GET", "/serving")
    assert gateway.asked[0][:2] == expected


def test_a_canary_that_is_held_back_is_read_back_too(traffic, gateway):
    (serving,) = traffic.serving("churn")
    assert (serving.lapsed, serving.cut) == (False, "")  # an older gateway does not say
    held_back = {**SERVING, "share": 0.0, "lapsed": True, "cut": "it failed"}
    gateway.body = json.dumps(held_back).encode()
    (serving,) = traffic.serving("churn")
    assert (serving.share, serving.lapsed, serving.cut) == (0.0, True, "it failed")


def test_without_a_gateway_nothing_is_proved_and_nothing_follows(traffic):
    with pytest.raises(TransientError, match="start `sixgates serve --project churn`"):
        traffic.prove("churn", "bb")
    assert traffic.follow("churn", 4) == []
    assert traffic.serving("churn") == []


def test_gateways_of_other_models_are_left_alone(traffic, gateway):
    assert traffic.serving("fraud") == []
    assert gateway.asked == []


def test_a_dead_gateway_is_named_and_the_others_still_follow(traffic, gateway, ledger):
    ledger.announce("churn", "http://127.0.0.1:1")
    ledger.announce("churn", "http://127.0.0.1:2")
    with pytest.raises(
        SomeSilentError, match=r"127\.0\.0\.1:1 did not.*127\.0\.0\.1:2 did not"
    ) as caught:
        traffic.follow("churn", 4)
    assert [answer.url for answer in caught.value.answers] == [gateway.url]
    assert [path for _, path, _, _ in gateway.asked] == ["/admin/follow"]


def test_a_gateway_that_hangs_keeps_no_other_from_following(traffic, gateway, ledger):
    other = Gateway()
    ledger.announce("churn", other.url)
    both = threading.Barrier(2, timeout=4)
    gateway.first = other.first = both.wait  # each answers once the other was asked as well
    try:
        assert {answer.url for answer in traffic.follow("churn", 4)} == {gateway.url, other.url}
    finally:
        other.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_for_a_person(traffic, gateway, status):
    gateway.status = status
    with pytest.raises(ConfigurationError, match="SIXGATES_GATEWAY_TOKEN") as caught:
        traffic.prove("churn", "bb")
    assert "s3cret" not in str(caught.value)


def test_a_failing_gateway_is_tried_again(traffic, gateway):
    gateway.status, gateway.body = 503, b'{"error": "the ledger is locked"}'
    with pytest.raises(TransientError, match="the ledger is locked"):
        traffic.follow("churn", 4)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"epoch": 4}', b"\xff"])
def test_another_program_at_the_address_is_a_broken_promise(traffic, gateway, body):
    gateway.body = body
    with pytest.raises(ContractError, match="does not say what it serves"):
        traffic.serving("churn")


def test_an_unknown_path_is_a_broken_promise(traffic, gateway):
    gateway.status = 404
    with pytest.raises(ContractError, match="404"):
        traffic.prove("churn", "bb")


def test_the_environments_proxies_are_not_used(traffic, gateway, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert traffic.serving("churn")[0].url == gateway.url
