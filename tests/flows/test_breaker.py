"""A canary that a real gateway takes away by itself: on record, told, and leading to an end.

The gateway, the ledger, the model files, the log, the flow and the messages are real; MLflow and
Prefect's server are not needed for what is shown.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import lightgbm
import numpy as np
import pytest
from prefect import Task as PrefectTask
from prefect.logging import disable_run_logger

import flows.release
from simulation.scenario import End, Scenario, project_file
from simulation.world import World as SimulatedWorld
from sixgates.adapters import wiring
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.notifications import tell_people
from sixgates.adapters.project_files import load_project
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.segment_log import SegmentLog
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.card import Feature, ModelCard, Probe, Task
from sixgates.gates.encoding import encode_rows
from sixgates.gates.records import Arm
from sixgates.ledger.leases import canary_lease
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Beside, Route, Step, Version
from tests.fakes import FakeClock, FakeRegistry

NOW = datetime(2026, 1, 25)  # noqa: DTZ001 - event time is naive UTC
FEATURES = (Feature("income"), Feature("age"))
FAULTY = (*FEATURES, Feature("score_of_a_bureau"))
"""Requests stop carrying a column when the split begins, so that no gate before could see it."""


def trained(project, features, seed):
    """Return text and card of a small model that answers its own probes."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(300, len(features)))
    data = lightgbm.Dataset(matrix, label=(matrix[:, 0] > 0).astype(float))
    quiet = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": seed}
    text = lightgbm.train(quiet, data, num_boost_round=5).model_to_string()
    roles = project.roles
    card = ModelCard(
        project.name, hashlib.sha256(text.encode()).hexdigest(), Task.BINARY, features,
        roles.event_time, roles.entity,
    )  # fmt: skip
    rows = [dict(zip([f.name for f in features], map(float, row), strict=True)) for row in matrix]
    answers = lightgbm.Booster(model_str=text).predict(encode_rows(card, rows[:3]), num_threads=1)
    probes = tuple(Probe(r, (float(a),)) for r, a in zip(rows[:3], answers, strict=True))
    return text, replace(card, probes=probes)


class House:
    """A project with a champion and a challenger at half of the units, and its gateway."""

    def __init__(self, folder, features):
        world = SimulatedWorld(3, NOW, 30, 10)
        scenario = Scenario("cut", "Nothing.", End.NOTHING, world, live_from_day=1)
        self.path = folder / "cut.py"
        self.path.write_text(project_file(scenario))
        project = load_project(str(self.path))
        self.model = project.name
        settings = Settings(home=folder, gateway_token="t")
        ledger = Ledger(settings.ledger_url)
        self.world = World(
            settings=settings, ledger=ledger, registry=FakeRegistry(),
            models=ModelStore(settings.store), references=ReferenceStore(settings.store),
            traffic=GatewayTraffic(ledger, settings.gateway_token),
            log=SegmentLog(settings.log), clock=FakeClock(NOW),
        )  # fmt: skip
        versions = []
        for number, inputs in (("1", FEATURES), ("2", features)):
            text, card = trained(project, inputs, int(number))
            self.world.models.put(text, card)
            versions.append(Version(number, card.digest))
        self._open(*versions)

    def _open(self, old, new):
        steps = (
            (Step.COLD_START, None), (Step.SHADOW, Beside(new, Arm.CANARY, 0.0)),
            (Step.CANARY, Beside(new, Arm.CANARY, 0.5)),
        )  # fmt: skip
        for epoch, (step, beside) in enumerate(steps, start=1):
            release = "r1" if beside else "r0"
            at = NOW - timedelta(hours=3 - epoch)
            self.ledger.append_route(
                Route(self.model, epoch, step, old, beside, release, at, "test", "because")
            )
        self.ledger.append(
            self.model, Kind.RELEASE, at=at, release="r1", reason="good enough",
            body={"tracking": "t1", "project": str(self.path), "unlogged": {}},
        )  # fmt: skip
        self.world.registry.older |= {(self.model, "1"), (self.model, "2")}
        self.world.registry.digests |= {(self.model, v.number): v.digest for v in (old, new)}
        self.last_tick_leaves(300)
        self.tell()

    @property
    def ledger(self):
        return self.world.ledger

    @contextmanager
    def gateway(self):
        settings = self.world.settings
        command = [
            sys.executable, "-m", "sixgates.gateway", "--model", self.model,
            "--store", settings.store, "--log", settings.log,
        ]  # fmt: skip
        given = {"SIXGATES_GATEWAY_TOKEN": "t", "SIXGATES_LEDGER_URL": settings.ledger_url}
        with subprocess.Popen(
            list(map(str, command)), cwd=Path(__file__).parents[2], stdout=subprocess.PIPE,
            text=True, env=os.environ | given,
        ) as process:  # fmt: skip
            try:
                yield json.loads(process.stdout.readline())["url"]
            finally:
                process.terminate()
                process.wait(timeout=15)

    def tick(self):
        state = flows.release.release.fn(str(self.path))
        self.tell()
        return state.name

    def last_tick_leaves(self, seconds):
        self.ledger.take(canary_lease(self.model), "ticks", seconds)

    def tell(self):
        """Do what the hooks of every flow do when it ends."""
        tell_people(self.world, str(self.path))

    def told(self):
        lines = (self.world.settings.home / "notifications.jsonl").read_text().splitlines()
        return [json.loads(line)["outcome"] for line in lines]

    def arms(self):
        """Return who answered the rows, in the order of the log."""
        since = datetime(2026, 1, 1)  # noqa: DTZ001 - naive UTC
        return self.world.log.predictions(self.model, since)["arm"].to_list()

    def serving(self):
        (answer,) = self.world.traffic.serving(self.model)
        return answer

    def wait(self, found):
        deadline = time.monotonic() + 10
        while not (answer := found()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return answer


class Client(threading.Thread):
    """Sends row after row, and keeps what did not come back as a prediction."""

    def __init__(self, url):
        super().__init__()
        self.answered, self.failed, self._url, self._done = 0, [], url, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self.join()

    def run(self):
        with httpx.Client(base_url=self._url) as http:
            while not self._done.wait(0.002):
                row = {"ts": NOW.isoformat(), "customer": f"c{self.answered}", "income": 1.0,
                       "age": 40.0}  # fmt: skip
                answer = http.post("/invocations", json={"inputs": [row]})
                self.answered += 1
                if answer.status_code != 200:
                    self.failed.append(answer.text)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Build a house that ticks find: `house(features)`."""
    built = []

    def build(features):
        built.append(House(tmp_path, features))
        monkeypatch.setattr(wiring, "_build", lambda _settings: built[0].world)
        return built[0]

    for name, value in vars(flows.release).copy().items():
        if isinstance(value, PrefectTask):
            monkeypatch.setattr(flows.release, name, value.fn)
    monkeypatch.setattr("tasks.record.create_markdown_artifact", lambda **_: None)
    with disable_run_logger():
        yield build
    built[0].ledger.close()


def test_a_canary_that_fails_is_cut_at_once_and_rolled_back_by_the_next_tick(house):
    here = house(FAULTY)
    with here.gateway() as url, Client(url) as client:
        here.wait(lambda: here.serving().cut)
        answer = here.serving()
        assert (answer.share, answer.cut) == (0.0, "it failed in 5 of its last 5 answers")
        (entry,) = here.wait(lambda: here.ledger.entries(here.model, kind=Kind.BREAKER))
        assert (entry.body["epoch"], entry.release, entry.actor) == (3, "r1", url)
        assert here.ledger.route(here.model).step is Step.CANARY

        assert here.tick() == "RolledBack"

        route = here.ledger.route(here.model)
        assert (route.step, route.champion.number, route.beside) == (Step.ROLLED_BACK, "1", None)
        said = "a gateway cut the canary off: it failed in 5 of its last 5 answers (n = 5)"
        assert said in route.reason
        served = here.serving()
        assert (served.epoch, served.champion, served.beside, served.cut) == (4, "1", "", "")
        assert here.world.registry.marks[here.model, "2"]["refused"] == route.reason
        before = client.answered
        here.wait(lambda: client.answered > before + 20)
        assert here.tick() == "Idle"
    assert client.failed == []
    assert here.arms().count(Arm.CANARY) == 5  # not one after the fifth
    assert here.told() == ["cold_start", "opened", "breaker", "rolled_back"]


def test_a_canary_whose_ticks_stop_is_held_back_told_once_and_comes_back(house):
    here = house(FEATURES)
    with here.gateway() as url, Client(url) as client:
        here.wait(lambda: here.serving().share == 0.5)
        here.last_tick_leaves(0.5)
        here.wait(lambda: here.serving().lapsed)
        here.wait(lambda: here.ledger.entries(here.model, kind=Kind.LAPSE))
        here.tell()  # as another flow does while ticks are gone

        assert here.tick() == "Canary"

        here.wait(lambda: here.serving().share == 0.5)
        begun, ended = here.wait(
            lambda: (found := here.ledger.entries(here.model, kind=Kind.LAPSE))[1:] and found
        )
        assert begun.body["lease"] == ended.body["lease"]
        assert ended.body["requests"] > 0
        here.tick()
    assert client.failed == []
    assert here.told() == ["cold_start", "opened", "lapse"]
