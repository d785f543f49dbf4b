"""One Prefect server, MLflow database and ledger for all tests that need them; a model a test."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import hypothesis
import polars as pl
import pytest

from bench.gateway.servers import free_port
from cli.rehearsal.full.postgres import cluster
from simulation.scenario import End, Scenario, project_file
from simulation.traffic import Replay
from simulation.world import World as SimulatedWorld
from sixgates.adapters.clocks import set_clock
from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError
from sixgates.ledger.ledger import Kind

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
_NUMBERS = count(1)
KNOWN, DAYS, ROWS = 20, 60, 150
"""Days of history, days of the world, rows a day."""
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
RULES = {
    "validation": {"min_rows": 500},
    "training": {"rounds": 30},
    "watch": {"min_rows": 100},
    "comparison": {"margin": 0.05, "cold_start": "serve"},
    # A busy machine may answer slowly: speed is judged elsewhere.
    "canary": {"margin": 0.05, "min_periods": 3, "shares": (0.5,), "slow_ms": 60_000.0},
    "monitor": {"periods": 3, "slow_ms": 60_000.0},
}
# Two processes on a busy machine: how long one example takes says nothing about a law.
hypothesis.settings.register_profile("sixgates", deadline=None)
hypothesis.settings.load_profile("sixgates")


def pytest_collection_modifyitems(items):
    """Files that start servers come first: two workers then end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _no_settings_of_others(request, monkeypatch):
    """Hide the session's and the caller's settings from a test that did not ask for a home."""
    if "home" not in request.fixturenames:
        for name in [name for name in os.environ if name.startswith("SIXGATES_")]:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres():
    """Start a PostgreSQL cluster of the session's own."""
    yield from _cluster("127.0.0.1")


@pytest.fixture(scope="module")
def shaky_postgres():
    """Start one that the tests of a file may restart, hang, and reach over a network of its own."""
    yield from _cluster("*")


def _cluster(host):
    pytest.importorskip("psycopg", reason="psycopg, the extra `postgres`, is not there")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(cluster(host=host, port=free_port()))
        except ConfigurationError as exc:
            pytest.skip(str(exc))
        yield running


@pytest.fixture
def new_postgres_url(postgres):
    """Return the address of a database that is new."""
    name = f"ledger_{next(_NUMBERS)}"
    return postgres.create(name)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Where everything of the session lives; the environment points there."""
    home = tmp_path_factory.mktemp("sixgates")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        patch.setenv("SIXGATES_HOME", str(home))
        patch.setenv("SIXGATES_CLOCK", str(home / "clock"))
        patch.setenv("SIXGATES_GATEWAY_TOKEN", "let-me-in")
        yield home


@pytest.fixture(scope="session")
def prefect_server(home):
    """One server for the session; a flow's heartbeat would round each of them up to a second."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_HOME, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    quick = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_HOME: home / "prefect"}
    with temporary_settings(quick), prefect_test_harness(server_startup_timeout=120):
        yield


@dataclass
class Town:
    """One project with its data, its clock and its gateway."""

    folder: Path
    world: SimulatedWorld
    path: str
    model: str

    @property
    def data(self):
        return str(self.folder / "data.parquet")

    @property
    def frame(self):
        return self.world.frame()

    @property
    def outside(self):
        return build()

    @property
    def ledger(self):
        return self.outside.ledger

    def at(self, day):
        set_clock(self.outside.settings.clock, START + timedelta(days=day))

    def write(self, frame):
        frame.write_parquet(self.data)

    def retrain(self, **given):
        from flows.retrain import retrain

        return retrain(self.path, self.data, **given, return_state=True)

    def tick(self):
        from flows.release import release

        return release(self.path, return_state=True)

    def history(self):
        return self.ledger.entries(self.model), self.ledger.routes(self.model)

    def verdicts(self):
        entries = self.ledger.entries(self.model, kind=Kind.VERDICT)
        return [(e.body["gate"], e.body["outcome"]) for e in entries]

    def answers(self):
        entries = self.ledger.entries(self.model, kind=Kind.ANSWER)
        return [(e.body["alert"], e.body["ending"]) for e in entries]

    def serving(self):
        (answer,) = self.outside.traffic.serving(self.model)
        return answer

    @contextmanager
    def gateway(self):
        """Run a real gateway process, and yield its address."""
        settings = self.outside.settings
        command = [
            sys.executable, "-m", "sixgates.gateway", "--model", self.model,
            "--store", settings.store, "--log", settings.log,
        ]  # fmt: skip
        with subprocess.Popen(
            list(map(str, command)),
            cwd=Path(__file__).parents[1],
            env=os.environ | {"SIXGATES_LEDGER_URL": settings.ledger_url},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.terminate()
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    process.kill()

    def live(self, replay, first, until):
        """Let days of traffic and of labels pass, then set the clock to the end of the last."""
        frame = self.frame
        for day in range(first, until):
            sent = replay.send(self.world.rows_of(frame, day))
            assert sent.failed == 0, sent.faults
        known = pl.col("ts") + timedelta(days=2)
        began, ended = (START + timedelta(days=d) for d in (first, until))
        replay.send_labels(frame.filter(known > began, known <= ended))
        self.at(until)

    def replay(self, url):
        return Replay(url, load_project(self.path), self.frame, rows_per_request=50)


def found(folder, name, **overrides):
    """Build a town in a folder; the clock stands at the end of its history."""
    rules = {k: RULES.get(k, {}) | overrides.get(k, {}) for k in {**RULES, **overrides}}
    world = SimulatedWorld(3, START, DAYS, ROWS)
    scenario = Scenario(
        name=name, teaches="Nothing.", expected=End.NOTHING, world=world,
        live_from_day=KNOWN, overrides=rules,
    )  # fmt: skip
    path = folder / f"{name}.py"
    path.write_text(project_file(scenario))
    town = Town(folder, world, str(path), f"loans-{name}")
    town.write(world.frame())
    town.at(KNOWN)
    return town


@pytest.fixture
def town(home, prefect_server, request, tmp_path):  # noqa: ARG001 - the server must run
    """Build a town: `town("name", canary={...})`; the clock stands at the end of its history."""
    return partial(found, tmp_path)
