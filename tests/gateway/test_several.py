"""Several gateways on one PostgreSQL ledger: followed at once, restarted, hung, cut off, proved."""

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import count
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from bench.gateway.servers import free_port
from bench.scale.network import island
from cli.rehearsal.full.nginx import BACK_SECONDS, balancer
from cli.rehearsal.full.theatre import FullTheatre
from cli.rehearsal.processes import Processes
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.projection import project_route
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.ledger.ledger import Kind
from sixgates.ledger.news import What, news
from sixgates.ledger.route import Step
from tests.fakes import FakeClock, FakeRegistry
from tests.gateway.conftest import House
from tests.gateway.sockets import TOKEN, GoodClient, running

pytestmark = pytest.mark.slow
_NUMBERS = count(1)
BLIND = "from sixgates.gateway import server; server.serve.__kwdefaults__['poll'] = 600\n"
"""So that a gateway learns of a route only by being told."""


@pytest.fixture
def house(tmp_path, shaky_postgres, champion, challenger):
    """A house whose ledger lies in a server that the test may stop."""
    house = House(tmp_path, shaky_postgres.create(f"several_{next(_NUMBERS)}"))
    champion.put(house.store)
    challenger.put(house.store)
    yield house
    house.close()


@contextmanager
def gateways(house, n=3, **more):
    with ExitStack() as stack:
        yield [stack.enter_context(running(house, **more)) for _ in range(n)]


def eventually(what, seconds=20):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def serving(gateway):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    return httpx.get(f"{gateway.url}/serving", headers=bearer, timeout=10).json()


def epochs(found):
    return [serving(gateway)["epoch"] for gateway in found]


def test_gateways_that_are_told_of_a_route_do_not_wait_for_their_next_look(
    house, champion, challenger
):
    house.route(champion)
    with gateways(house, before=BLIND) as found:
        for epoch in (2, 3):
            house.route(challenger)
            eventually(lambda epoch=epoch: epochs(found) == [epoch] * 3)


def test_a_restart_of_the_database_costs_no_request_and_all_follow_again(
    house, shaky_postgres, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.0)
    rows = sample_rows(3)
    with gateways(house) as found, ExitStack() as stack:
        clients = [
            stack.enter_context(GoodClient(one.url, rows, champion.expected(rows))) for one in found
        ]
        shaky_postgres.stop()
        eventually(lambda: all("cannot be followed" in health(one) for one in found))
        for client in clients:
            client.goes_on()
        shaky_postgres.start()
        house.route(champion)
        eventually(lambda: epochs(found) == [2] * 3)
        eventually(lambda: len(house.ledger.gateways("churn")) == 3)
        for client in clients:
            client.goes_on()
            assert client.failed == []


def health(gateway):
    return httpx.get(f"{gateway.url}/healthz", timeout=10).json()["sentence"]


def test_a_database_that_hangs_ends_the_canary_keeps_no_stop_waiting_and_is_followed_again(
    house, shaky_postgres, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    rows = sample_rows(3)
    with gateways(house, 2) as found:
        eventually(lambda: [serving(one)["share"] for one in found] == [0.5] * 2)
        house.renew(1.5)
        time.sleep(0.7)  # seen by both: they look twice a second
        shaky_postgres.hang()
        try:
            eventually(lambda: all(serving(one)["lapsed"] for one in found), seconds=4)
            for one in found:
                answer = httpx.post(f"{one.url}/invocations", json={"inputs": rows})
                assert answer.json() == {"predictions": champion.expected(rows)}
            stopped = time.monotonic()
            assert found[0].stop()[0] == 0
            assert time.monotonic() - stopped < 20
        finally:
            shaky_postgres.resume()
        house.renew()
        eventually(lambda: not serving(found[1])["lapsed"])


def tick(house):
    """What each tick does about gateways."""
    traffic = GatewayTraffic(house.ledger, SecretStr(TOKEN))
    registry = FakeRegistry(older={("churn", "1"), ("churn", "2")})
    world = World(
        settings=None, ledger=house.ledger, registry=registry, models=None, references=None,
        traffic=traffic, log=None, clock=FakeClock(),
    )  # fmt: skip
    return project_route(world, house.ledger.route("churn"))


def proofs(house):
    found = house.ledger.entries("churn", kind=Kind.PROOF)
    return [(len(e.body["answers"]), e.body["proved"]) for e in found]


def test_a_rollback_is_proved_once_every_live_gateway_has_said_so_and_a_hung_one_is_told(
    house, champion, challenger
):
    house.route(champion, challenger, 0.5)
    with gateways(house, before=BLIND) as found:
        assert tick(house)
        hung = found[1]
        os.kill(hung.process.pid, signal.SIGSTOP)
        try:
            house.route(champion, step=Step.ROLLED_BACK)
            assert not tick(house)
            assert epochs([found[0], found[2]]) == [2, 2]
            unproved = house.ledger.entries("churn", kind=Kind.PROOF)[-1]
            assert f"the gateway {hung.url} did not answer" in unproved.reason
            told = news(house.ledger.entries("churn"), house.ledger.routes("churn"))
            assert [one.what for one in told][-1] is What.UNPROVED
            fade(house, hung.url)
            assert tick(house)
        finally:
            os.kill(hung.process.pid, signal.SIGCONT)
        eventually(lambda: len(house.ledger.gateways("churn")) == 3)
        assert tick(house)
    assert proofs(house) == [(3, True), (2, False), (2, True), (3, True)]


def fade(house, url):
    """Let the seconds pass after which a silent gateway counts as gone."""
    with house.ledger._engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE gateways SET seen = seen - interval '11 seconds' WHERE url = :url"),
            {"url": url},
        )


def test_a_gateway_that_is_cut_off_drops_its_canary_by_lease_and_serves_the_champion(
    house, shaky_postgres, champion, challenger, sample_rows
):
    with ExitStack() as stack:
        try:
            there = stack.enter_context(island())
        except ConfigurationError as exc:
            pytest.skip(str(exc))
        shaky_postgres.let_in(there.subnet)
        house.route(champion, challenger, 0.5)
        name = sa.make_url(house.ledger_url).database
        house.ledger_url = f"postgresql://postgres@{there.mainland}:{shaky_postgres.port}/{name}"
        # Before the gateway, which must not know the longer lease of the route.
        ticking = stack.enter_context(ticks(house, lease=1.5))
        gateway = stack.enter_context(running(house, "--host", there.host, within=there.within))
        rows = sample_rows(3)
        eventually(lambda: serving(gateway)["share"] == 0.5)
        there.cut()
        cut = time.monotonic()
        eventually(lambda: serving(gateway)["share"] == 0.0)
        assert time.monotonic() - cut < 1.5 + 1  # the lease, and a busy machine
        with httpx.Client(base_url=gateway.url) as http:
            for _ in range(20):
                answer = http.post("/invocations", json={"inputs": rows})
                assert answer.json() == {"predictions": champion.expected(rows)}
        there.mend()
        eventually(lambda: serving(gateway)["share"] == 0.5, seconds=40)
        assert ticking.is_alive()


@contextmanager
def ticks(house, lease):
    """Renew the canary's lease again and again."""
    ended = threading.Event()

    def renew():
        while not ended.wait(lease / 4):
            house.renew(lease)

    house.renew(lease)
    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield thread
    finally:
        ended.set()
        thread.join()


def test_gateways_are_restarted_one_by_one_behind_a_balancer_without_a_failed_request(
    house, champion, sample_rows, tmp_path
):
    house.route(champion)
    rows = sample_rows(3)
    ports = [str(free_port()) for _ in range(2)]
    with ExitStack() as stack:
        found = [stack.enter_context(running(house, "--port", port)) for port in ports]
        try:
            port = stack.enter_context(
                balancer(tmp_path / "nginx", [f"127.0.0.1:{port}" for port in ports])
            )
        except ConfigurationError as exc:
            pytest.skip(str(exc))
        url = f"http://127.0.0.1:{port}"
        clients = [
            stack.enter_context(GoodClient(url, rows, champion.expected(rows))) for _ in range(6)
        ]
        for i, one in enumerate(ports):
            assert found[i].stop() == (0, "")
            stack.enter_context(running(house, "--port", one))
            time.sleep(BACK_SECONDS)  # nginx knows that it is back
            for client in clients:
                client.goes_on(5)
        assert [client.failed for client in clients] == [[]] * 6


def test_a_play_on_three_gateways_is_proved_by_all_of_them_and_outlives_any(
    house, champion, sample_rows, tmp_path, monkeypatch
):
    house.route(champion)
    settings = Settings(home=tmp_path, ledger_url=house.ledger_url, gateway_token=TOKEN)
    traffic = GatewayTraffic(house.ledger, settings.gateway_token)
    world = SimpleNamespace(settings=settings, traffic=traffic)
    monkeypatch.setattr("cli.rehearsal.theatre.build", lambda: world)
    rows = sample_rows(3)
    with Processes(tmp_path / "logs", own_groups=True) as processes:
        theatre = FullTheatre(SimpleNamespace(name="churn"), "churn", None, processes)
        try:
            url = theatre.open_gateway()
        except ConfigurationError as exc:
            pytest.skip(str(exc))

        def answers():
            for _ in range(6):  # each gateway's turn comes
                answer = httpx.post(f"{url}/invocations", json={"inputs": rows}, timeout=20)
                assert answer.json() == {"predictions": champion.expected(rows)}

        answers()
        assert [one["epoch"] for one in theatre.serving()] == [1] * 3
        theatre.restart_gateway(None, killed=True)
        assert len({one["url"] for one in theatre.serving()}) == 3
        answers()
        theatre._gateways[1].terminate()
        theatre._gateways[1].wait()
        answers()
        with pytest.raises(TransientError, match="of 3 gateways of churn 2 are alive"):
            theatre.serving()


def test_a_gateway_that_gives_notice_is_not_ready_and_serves_on(house, champion, sample_rows):
    house.route(champion)
    rows = sample_rows(2)
    with running(house, "--notice", "2") as gateway, httpx.Client(base_url=gateway.url) as http:
        assert http.get("/healthz").status_code == 200
        gateway.process.terminate()
        eventually(lambda: http.get("/healthz").status_code == 503)
        assert http.get("/healthz").json()["status"] == "stopping"
        assert http.get("/v2/health/ready").status_code == 400
        eventually(lambda: house.ledger.gateways("churn") == [])
        with httpx.Client(base_url=gateway.url) as late:  # over a new connection
            answer = late.post("/invocations", json={"inputs": rows})
            assert answer.json() == {"predictions": champion.expected(rows)}
        assert gateway.stop() == (0, "")
