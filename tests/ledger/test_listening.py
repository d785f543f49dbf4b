"""Routes are told of at once where the database is PostgreSQL, and by it alone."""
# ruff: noqa: DTZ001 - event time is naive UTC

import threading
import time
from datetime import datetime

import pytest

from sixgates.gates.errors import TransientError
from sixgates.ledger import listening
from sixgates.ledger.database import writing
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Route, Step, Version
from sixgates.ledger.rows import append_route

AT = datetime(2026, 1, 1)


def route(epoch=1, model="tiny"):
    return Route(
        model, epoch, Step.COLD_START, Version("1", "a" * 64), None, "r0", AT, "somebody", "because"
    )


class Ears:
    """Listens to the routes of a model, and counts what it hears."""

    def __init__(self, url, model="tiny"):
        self.heard = 0
        self.ledger = Ledger(url)
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self.ledger.listen, args=(model, self._hear, self._ended)
        )

    def __enter__(self):
        self._thread.start()
        self.wait_for(1)  # that it listens
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join(timeout=20)
        self.ledger.close()
        assert not self._thread.is_alive()

    def wait_for(self, n):
        deadline = time.monotonic() + 20
        while self.heard < n:
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.005)
        assert self.heard == n

    def _hear(self):
        self.heard += 1


@pytest.fixture(scope="module")
def shaky(shaky_postgres):
    """Return the address of a ledger whose server the tests stop, and the server."""
    return shaky_postgres.create("ledger"), shaky_postgres


def test_whoever_listens_hears_of_a_route_once_it_is_committed(new_postgres_url):
    ledger = Ledger(new_postgres_url)
    with Ears(new_postgres_url) as ears:
        with writing(ledger._engine) as connection:
            append_route(connection, route())
            time.sleep(0.2)
            assert ears.heard == 1
        ears.wait_for(2)
        ledger.append_route(route(model="other"))
        ledger.append("tiny", Kind.NOTICE, at=AT, reason="no route")
        time.sleep(0.2)
        ledger.append_route(route(2))
        ears.wait_for(3)
    ledger.close()


def test_sqlite_tells_nobody_and_keeps_nobody_waiting(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.listen("tiny", pytest.fail, threading.Event())
    ledger.close()


def test_a_listener_whose_server_was_restarted_listens_again_and_hears_so(shaky, caplog):
    url, server = shaky
    with Ears(url) as ears:
        server.stop()
        time.sleep(0.7)  # it tries in vain
        server.start()
        ears.wait_for(2)  # for what came meanwhile is not told
        ledger = Ledger(url)
        ledger.append_route(route(model="tiny"))
        ears.wait_for(3)
        ledger.close()
    (said,) = [r.message for r in caplog.records if r.name == listening.__name__]
    assert "routes are not announced, polls for them" in said


def test_a_connection_that_a_restart_broke_is_noticed_before_it_is_used(shaky):
    url, server = shaky
    ledger = Ledger(url)
    assert ledger.gateways("tiny") == []
    server.stop()
    with pytest.raises(TransientError, match="did not answer"):
        ledger.gateways("tiny")
    server.start()
    assert ledger.gateways("tiny") == []
    server.stop()
    server.start()
    ledger.announce("tiny", "http://a")
    assert ledger.gateways("tiny") == ["http://a"]
    ledger.close()


def append_as_it_dies(ledger, server):
    with writing(ledger._engine) as connection:
        append_route(connection, route(model="torn"))
        server.stop()


def test_a_server_that_dies_amid_a_transaction_has_kept_nothing_and_the_next_try_is_whole(shaky):
    url, server = shaky
    ledger = Ledger(url)
    ledger.append("torn", Kind.RUN, at=AT, reason="first")
    with pytest.raises(TransientError, match="did not answer"):
        append_as_it_dies(ledger, server)
    server.start()
    assert (ledger.route("torn"), len(ledger.entries("torn"))) == (None, 1)
    ledger.append_route(route(model="torn"))
    assert ledger.verify("torn") == []
    ledger.close()


def test_a_server_that_hangs_counts_as_gone_and_comes_back(shaky):
    url, server = shaky
    ledger = Ledger(url, patience=1)
    assert ledger.routes("hung") == []
    server.hang()
    try:
        with pytest.raises(TransientError, match=r"did not answer: .*(no answer for 1 s|timeout)"):
            ledger.routes("hung")
    finally:
        server.resume()
    assert ledger.routes("hung") == []
    ledger.close()


def test_a_listener_that_hangs_ends_when_it_is_told_to(shaky):
    url, server = shaky
    with Ears(url):
        server.hang()
        time.sleep(0.2)
    server.resume()
