"""A small loans project whose outer world is made of fakes; data and datasets are real files."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from prefect.logging import disable_run_logger

from simulation.scenario import End, Scenario, project_file
from simulation.world import World as SimulatedWorld
from sixgates.adapters import wiring
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Beside, Route, Step, Version
from tasks.record import record, said
from tasks.release import release
from tasks.run import begin, project_of
from tasks.validate import validate
from tests.fakes import FakeClock, FakeLog, FakeModels, FakeRegistry, FakeTraffic

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
DAYS, ROWS = 20, 150
RULES = {
    "validation": {"min_rows": 500},
    "training": {"rounds": 30},
    "watch": {"min_rows": 100},
}


@dataclass
class Stage:
    """A world of fakes, one project file and one data file."""

    folder: Path
    world: World
    artifacts: list = field(default_factory=list)
    events: list = field(default_factory=list)
    project: str = ""

    def play(self, name="small", **overrides):
        """Write the project file; overrides change its policies. Returns the project."""
        rules = {k: RULES.get(k, {}) | overrides.get(k, {}) for k in {**RULES, **overrides}}
        scenario = Scenario(
            name=name, teaches="Nothing.", expected=End.NOTHING,
            world=SimulatedWorld(3, START, DAYS, ROWS), live_from_day=DAYS, overrides=rules,
        )  # fmt: skip
        path = self.folder / f"{name}.py"
        path.write_text(project_file(scenario))
        self.project = str(path)
        self.write(scenario.world.frame())
        self.world.clock.moment = START + timedelta(days=DAYS)
        return project_of(self.project)

    @property
    def data(self):
        return str(self.folder / "data.parquet")

    @property
    def rows(self):
        return pl.read_parquet(self.data)

    def write(self, frame):
        frame.write_parquet(self.data)

    @property
    def model(self):
        return project_of(self.project).name

    def begin(self, **given):
        asked = {"project": self.project, "data": self.data, "alert": None, "trigger": "test"}
        return begin.fn(**{**asked, **given})

    def validated(self, **given):
        run = self.begin(**given)
        return run, validate.fn(run).dataset

    def route(self, step, champion, beside=None, share=0.0, release="r1"):
        """Append the next route to the ledger."""
        newest = self.world.ledger.route(self.model)
        arm = Arm.HOLDBACK if step is Step.PROMOTED else Arm.CANARY
        route = Route(
            self.model, newest.epoch + 1 if newest else 1, step, champion,
            Beside(beside, arm, share) if beside else None,
            release, self.world.clock.now(), "test", "because",
        )  # fmt: skip
        self.world.ledger.append_route(route)
        known = [v for v in (champion, beside) if v is not None]
        self.world.registry.older |= {(self.model, version.number) for version in known}
        self.world.registry.digests |= {(self.model, v.number): v.digest for v in known}
        return route

    def compare(self, run):
        """Let gate 4 pass a run beside who serves now, unless it has spoken."""
        route = self.world.ledger.route(self.model)
        if said(self.world, self.model, run.id, Gate.COMPARE) is None:
            check = Check("uplift", Outcome.PASS, 0.0, 0.01, 500, "good enough")
            record(
                self.world, model=self.model, release=run.id, tracking=run.tracking,
                verdict=Verdict.of(Gate.COMPARE, [check]),
                inputs={"champion": route.champion.digest if route else None},
            )  # fmt: skip

    def release(self, run, model):
        """Open the release of a run that gate 4 has compared, if need be with who serves now."""
        self.compare(run)
        return release.fn(run, model, "good enough")

    def entries(self, kind=None):
        """What the ledger holds of the model; intents and closings only where asked for."""
        known = self.world.ledger.entries(self.model, kind=kind)
        return [e for e in known if kind or e.kind not in {Kind.INTENT, Kind.CLOSED}]

    def history(self):
        """Everything the ledger holds of the model."""
        return self.world.ledger.entries(self.model), self.world.ledger.routes(self.model)

    def verdicts(self):
        return [(e.body["gate"], e.body["outcome"]) for e in self.entries(Kind.VERDICT)]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path / "home")
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    world = World(
        settings=settings,
        ledger=ledger,
        registry=FakeRegistry(),
        models=FakeModels(),
        references=ReferenceStore(settings.store),
        traffic=FakeTraffic(ledger),
        log=FakeLog(),
        clock=FakeClock(),
    )
    stage = Stage(tmp_path, world)
    monkeypatch.setattr(wiring, "_build", lambda _settings: world)
    monkeypatch.setattr(
        "tasks.record.create_markdown_artifact", lambda **given: stage.artifacts.append(given)
    )
    monkeypatch.setattr("tasks.watch.emit_drift_event", lambda *given: stage.events.append(given))
    with disable_run_logger():
        stage.play()
        yield stage
    ledger.close()


@pytest.fixture
def old():
    return Version("1", "a" * 64)


@pytest.fixture
def new():
    return Version("2", "b" * 64)
