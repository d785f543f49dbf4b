"""Several processes on one port, as a user starts them."""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.gateway.test_process import ROOT, Load, command, environment_of, running

pytestmark = pytest.mark.slow


def gateways(house, n, without=()):
    deadline = time.monotonic() + 20
    while True:
        found = [url for url in house.ledger.gateways("churn") if url not in without]
        if len(found) == n:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def another(house, than):
    """Wait for a gateway that is none of these."""
    deadline = time.monotonic() + 30
    while not set(house.ledger.gateways("churn")) - set(than):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_share_a_port_and_each_is_followed_and_proved_for_itself(
    house, champion, challenger, sample_rows
):
    house.route(champion)
    with running(house, "--workers", 2) as (process, url), Load(url, sample_rows(20)) as load:
        own = gateways(house, 2)
        assert url not in own
        house.route(challenger)
        for one in own:
            answer = httpx.post(f"{one}/admin/follow", headers={"authorization": "Bearer t"})
            assert answer.json()["epoch"] == 2
        load.wait_for(200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
    assert house.ledger.gateways("churn") == []
    answered = {p.request for p in house.predictions()}
    assert set(load.acknowledged) <= answered


def test_a_worker_that_dies_is_replaced_and_nothing_acknowledged_is_lost(
    house, champion, sample_rows
):
    house.route(champion)
    with running(house, "--workers", 2) as (process, url), Load(url, sample_rows(20)) as load:
        own = gateways(house, 2)
        load.wait_for(100)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        another(house, own)
        assert httpx.post(f"{url}/invocations", json={"inputs": sample_rows(1)}).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    answered = {p.request for p in house.predictions()}
    assert set(load.acknowledged) <= answered


def test_workers_drain_and_end_once_the_process_that_started_them_was_killed(
    house, champion, sample_rows
):
    house.route(champion)
    with running(house, "--workers", 2) as (process, url):
        own = gateways(house, 2)
        # One that takes the place of another knows it too.
        os.kill(children(process.pid)[0], signal.SIGKILL)
        another(house, own)
        with Load(url, sample_rows(20)) as load:
            load.wait_for(200)
            said = orphaned(process)
    assert said.count("stops: the process that started it is gone") == 2
    assert set(load.acknowledged) <= {p.request for p in house.predictions()}
    assert set(house.ledger.gateways("churn")) <= set(own)  # who was killed fades by itself
    with running(house, "--workers", 2, "--port", url.rpartition(":")[2]) as (_, again):
        assert again == url


def orphaned(process):
    """Kill a gateway and return what its workers said until none of them was left."""
    workers = children(process.pid)
    process.kill()
    try:
        return process.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        raise


def test_no_two_workers_give_requests_the_same_identifier(house, champion, sample_rows):
    house.route(champion)
    given = []

    def ask(url):
        for row in sample_rows(20):  # Each on a connection of its own: they are dealt out.
            answer = httpx.post(f"{url}/invocations", json={"inputs": [row]})
            given.append(answer.headers["x-request-id"])

    with running(house, "--workers", 2) as (process, url):
        own = gateways(house, 2)
        ask(url)
        # Neither do those who take the place of another.
        for worker in children(process.pid):
            os.kill(worker, signal.SIGKILL)
        gateways(house, 2, without=own)
        ask(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert len(set(given)) == 40


def test_workers_are_replaced_for_ever_and_as_soon_as_there_is_room(house, champion):
    house.route(champion)
    with running(house, "--workers", 2) as (process, _):
        own, files = gateways(house, 2), Path(f"/proc/{process.pid}/fd")
        before = len(list(files.iterdir()))
        limit = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
        os.kill(children(process.pid)[0], signal.SIGKILL)
        time.sleep(2.5)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limit)
        another(house, own)
        assert len(list(files.iterdir())) == before
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert "a worker cannot be started yet (Too many open files)" in process.stderr.read()


def test_a_worker_that_cannot_start_ends_the_gateway_with_a_sentence(house, champion, tmp_path):
    house.route(champion)
    (tmp_path / "file").touch()
    with running_but(house, tmp_path / "file" / "log") as process:
        assert process.wait(timeout=30) == 2
        said = process.stderr.read()
    assert "choose another with --log" in said
    assert "a worker of the gateway did not start" in said
    assert "Traceback" not in said


def running_but(house, log):
    given = command(house, "--workers", 2)
    given[given.index("--log") + 1] = str(log)
    return subprocess.Popen(
        given, cwd=ROOT, env=environment_of(house), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
