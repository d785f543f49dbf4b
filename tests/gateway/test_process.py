import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from sixgates.ledger.ledger import Kind

ROOT = Path(__file__).parents[2]


def command(house, *more):
    given = ["--model", "churn", "--store", house.root, "--log", house.log, *more]
    return [sys.executable, "-m", "sixgates.gateway", *map(str, given)]


@contextmanager
def running(house, *more, **environment):
    with subprocess.Popen(
        command(house, *more),
        cwd=ROOT,
        env=environment_of(house, **{"SIXGATES_GATEWAY_TOKEN": "t"} | environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def environment_of(house, **more):
    return {**os.environ, "SIXGATES_LEDGER_URL": house.ledger_url, **more}


def refusal(house, *more):
    done = subprocess.run(
        command(house, *more), cwd=ROOT, env=environment_of(house), capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


class Load:
    """Asks one row after another until the gateway is gone, and keeps what was answered."""

    def __init__(self, url, rows):
        self.acknowledged = []
        self.failed = []
        self._url = url
        self._rows = rows
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(3)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self._threads:
            thread.join()

    def wait_for(self, n):
        deadline = time.monotonic() + 20
        while len(self.acknowledged) < n:
            assert time.monotonic() < deadline, "the gateway does not answer"
            time.sleep(0.01)

    def _ask(self, worker):
        with httpx.Client(base_url=self._url) as http:
            for i in range(100_000):
                request = f"{worker}-{i}"
                try:
                    answer = http.post(
                        "/invocations",
                        json={"inputs": [self._rows[i % len(self._rows)]]},
                        headers={"x-request-id": request},
                    )
                except httpx.TransportError as error:
                    self.failed.append(error)
                    return
                assert answer.status_code == 200
                self.acknowledged.append(request)


def test_a_kill_loses_no_acknowledged_answer(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.5)
    with running(house) as (process, url), Load(url, sample_rows(50)) as load:
        load.wait_for(200)
        process.kill()
    answered = {p.request for p in house.predictions() if p.arm != "shadow"}
    assert set(load.acknowledged) <= answered


def test_a_stop_drains_withdraws_and_leaves_every_pair_whole(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    with running(house) as (process, url), Load(url, sample_rows(50)) as load:
        assert house.ledger.gateways("churn") == [url]
        load.wait_for(100)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert process.stderr.read() == ""
    assert house.ledger.gateways("churn") == []
    lines = house.predictions()
    assert {p.request for p in lines} >= set(load.acknowledged)
    assert len({(p.request, p.version) for p in lines}) == len(lines)
    assert len(lines) == 2 * len({p.request for p in lines})


def test_a_new_route_is_followed_without_being_asked(house, champion, challenger, sample_rows):
    house.route(champion)
    with running(house) as (_, url):
        house.route(challenger)
        rows = sample_rows(3)
        deadline = time.monotonic() + 10
        while httpx.get(f"{url}/serving").json()["epoch"] != 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        answer = httpx.post(f"{url}/invocations", json={"inputs": rows})
        assert answer.json() == {"predictions": challenger.expected(rows)}


def test_the_first_answer_comes_soon_after_the_start(house, champion, sample_rows):
    house.route(champion)
    started = time.monotonic()
    with running(house) as (_, url):
        assert httpx.post(f"{url}/invocations", json={"inputs": sample_rows(1)}).status_code == 200
        # About a second on an idle machine; the rest is room for a busy one.
        assert time.monotonic() - started < 10


def wait_for(url, lapsed):
    """Return how many seconds it took until the gateway said so."""
    started = time.monotonic()
    while httpx.get(f"{url}/serving").json()["lapsed"] is not lapsed:
        assert time.monotonic() < started + 10
        time.sleep(0.005)
    return time.monotonic() - started


def test_without_ticks_the_share_is_zero_when_the_lease_has_run_out_and_no_request_fails(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    with running(house) as (process, url), Load(url, sample_rows(50)) as load:
        house.renew(1.0)
        renewed = time.monotonic()
        load.wait_for(50)
        wait_for(url, lapsed=True)
        # A second of lease and half a second between two looks; the rest is a busy machine's.
        assert 0.9 < time.monotonic() - renewed < 2.5
        lapsed = len(load.acknowledged)
        load.wait_for(lapsed + 50)
        house.renew()
        assert wait_for(url, lapsed=False) < 2
        load.wait_for(len(load.acknowledged) + 50)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    lines = house.predictions()
    assert {p.share for p in lines} == {0.0, 0.5}
    assert {p.arm for p in lines if p.share == 0.0} == {"champion", "shadow"}
    _, entry = house.ledger.entries("churn", kind=Kind.LAPSE)
    assert (entry.body["epoch"], entry.actor) == (1, url)
    answered = {p.request for p in lines if p.share == 0.0}
    assert abs(entry.body["requests"] - len(answered)) <= 3  # those under way at either end


def on_record(house, kind, n):
    """Return the entries of a kind, once there are so many."""
    deadline = time.monotonic() + 10
    while len(found := house.ledger.entries("churn", kind=kind)) < n:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(found) == n
    return found


def lapses(house, n):
    return on_record(house, Kind.LAPSE, n)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_answers_that_were_not_logged_are_on_record_when_the_process_is_gone(
    house, champion, challenger, sample_rows, ending
):
    house.route(champion, challenger, 0.5)
    with running(house) as (process, url):
        folder = house.log / "churn"
        folder.rmdir()
        folder.touch()  # so that no segment can be made
        for row in sample_rows(7):
            answer = httpx.post(f"{url}/invocations", json={"inputs": [row]})
            assert answer.status_code == 200
        on_record(house, Kind.UNLOGGED, 3)
        process.send_signal(ending)
        process.wait(timeout=15)
    told = house.ledger.entries("churn", kind=Kind.UNLOGGED, release="r1")
    assert [e.body["answers"] for e in told] == [
        1,
        1,
        2,
        *([3] if ending == signal.SIGTERM else []),
    ]
    assert {e.actor for e in told} == {url}


def test_a_kill_during_a_lapse_leaves_it_on_record_once(house, champion, challenger):
    house.route(champion, challenger, 0.5, lease=0.3)
    with running(house) as (process, _):
        (begun,) = lapses(house, 1)
        process.kill()
    with running(house) as (_, url):
        wait_for(url, lapsed=True)
        house.renew()
        assert lapses(house, 2)[0] == begun
    ended = lapses(house, 2)[1]
    assert ended.body["lease"] == begun.body["lease"]
    assert (begun.body["to"], ended.body["from"] < ended.body["to"]) == (None, True)


def test_a_lapse_that_a_killed_gateway_could_not_record_is_recorded_by_its_next_start(
    house, champion, challenger
):
    house.route(champion, challenger, 0.5)
    with running(house) as (process, url):
        house.renew(2.0)
        with closing(sqlite3.connect(house.ledger_url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")  # reads go on, writes wait
            wait_for(url, lapsed=True)
            time.sleep(1.2)
            process.kill()
            process.wait()
        assert lapses(house, 0) == []
    with running(house):
        (begun,) = lapses(house, 1)
    since = datetime.fromisoformat(begun.body["from"])
    assert abs((since - datetime.fromisoformat(begun.body["lease"])).total_seconds()) < 1


def test_tokens_come_from_a_file_that_only_the_owner_reads(house, champion, tmp_path):
    house.route(champion)
    file = tmp_path / "tokens"
    file.write_text("operate from-the-file\n")
    file.chmod(0o600)
    with running(house, SIXGATES_TOKENS=str(file)) as (process, url):
        bearer = {"authorization": "Bearer from-the-file"}
        assert httpx.post(f"{url}/admin/follow", headers=bearer).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert "from-the-file" not in process.communicate(timeout=15)[1]
    file.chmod(0o644)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIXGATES_TOKENS", str(file))
        assert f"others may read the token file {file}" in refusal(house)


def test_a_token_from_a_file_is_taken_without_its_newline(house, champion):
    house.route(champion)
    with running(house, SIXGATES_GATEWAY_TOKEN="from-a-file\n") as (_, url):
        bearer = {"authorization": "Bearer from-a-file"}
        assert httpx.post(f"{url}/admin/follow", headers=bearer).status_code == 200


def test_a_port_in_use_ends_with_a_sentence(house):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = refusal(house, "--port", port)
    assert message == (
        f"port {port} of 127.0.0.1 cannot be used (Address already in use):"
        " choose another with --port\n"
    )


@pytest.mark.parametrize("url", ["not a url", "nosuch://ledger", "postgresql://u:hush:hush/x"])
def test_a_ledger_that_cannot_be_opened_ends_with_a_sentence(house, url):
    house.ledger_url = url
    for said in (refusal(house), refusal(house, "--ledger", url)):
        assert "the ledger cannot be opened" in said
        assert "hush" not in said


@pytest.mark.parametrize(
    "url", ["postgresql://u:hush@db/ledger", "postgresql://u@db/ledger?password=hush"]
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(house, url):
    said = refusal(house, "--ledger", url)
    assert said == (
        "the address that --ledger gives has a password, which every user of the machine can read:"
        " leave --ledger out, and set SIXGATES_LEDGER_URL to the address\n"
    )


def test_a_ledger_that_nobody_named_is_asked_for(house):
    house.ledger_url = ""
    said = refusal(house)
    assert said == "where the ledger is was not said: set SIXGATES_LEDGER_URL to its address\n"


def test_the_command_line_goes_before_the_environment(house, champion):
    house.route(champion)
    url, house.ledger_url = house.ledger_url, "nosuch://ledger"
    with running(house, "--ledger", url) as (_, address):
        assert httpx.get(f"{address}/healthz").is_success


def test_what_python_imports_stays_small():
    code = (
        "import sys, sixgates.gateway.server as _;"
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"polars", "pandas", "lightgbm", "mlflow", "prefect", "pandera", "pydantic", "scipy"}
    assert not heavy & set(done.stdout.split())
