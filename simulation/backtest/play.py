"""One policy, walked forward: who serves, when it asks for a retrain, and what comes of it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.backtest.history import History
from simulation.backtest.models import Model, Models
from simulation.backtest.plays import WATCHED, Kind, Policy, Triggers, rows_between_runs
from simulation.backtest.present import Present
from simulation.backtest.release import Release, opened
from simulation.backtest.service import by_beside
from simulation.backtest.watching import Watching
from sixgates.gates.governor import Event, Refused, Standing, may_begin
from sixgates.ledger.release import first_route
from sixgates.ledger.route import Route, Step


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """What all plays share."""

    history: History
    models: Models
    watching: Watching
    triggers: Triggers
    releases: dict[tuple[str, str], Release] = field(default_factory=dict)
    """By champion and challenger."""

    def keep(self, serving: Collection[str], since: int) -> None:
        """Drop what no play can come back to.

        Args:
            serving: Models that some play serves, as champion or beside it.
            since: First row that is still to be answered.
        """
        self.models.keep(serving, since)
        self.watching.keep(serving)
        for gone in [pair for pair in self.releases if not set(pair) <= set(serving)]:
            del self.releases[gone]


@dataclass(eq=False)
class Play:
    """One policy, with gates or without."""

    stage: Stage
    kind: Kind
    route: Route
    """Who serves now."""
    losses: NDArray[np.float64]
    """Of what was served, by row; NaN where nothing was, or no label came."""
    figures: NDArray[np.float64]
    """What the project's metric is made of, by row."""
    serving_since: int
    """First row that the champion answered."""
    last_run: tuple[datetime, int]
    """When the last run began, and how many rows there were."""
    release: Release | None = None
    """The open one."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """What happened: `at`, `what` and `why`."""
    broken: set[tuple[datetime, datetime]] = field(default_factory=set)
    begun: list[datetime] = field(default_factory=list)
    alerted: datetime | None = None
    held: bool = False
    """Whether an alert waits for the governor."""
    drift_since: datetime | None = None
    """When the drift began, as the newest alert says."""
    refused: list[datetime] = field(default_factory=list)
    """When the challengers were refused, rolled back or expired that were so last and in a row."""
    rolled_back: Event | None = None
    retrains: int = 0
    """Trainings, whatever became of the model."""
    train_seconds: float = 0.0

    @property
    def serving(self) -> set[str]:
        """The champion, and the model beside it if any."""
        beside = self.route.beside
        return {self.route.champion.number, *([beside.version.number] if beside else [])}

    def serve(self, first: int, end: int) -> None:
        """Answer some rows, and log them while a release is open."""
        history, route = self.stage.history, self.route
        self._answer(route.champion.number, first, end, np.ones(end - first, dtype=bool))
        if self.release is not None and route.beside is not None:
            if route.beside.share > 0:
                chosen = by_beside(history, route, first, end)
                self._answer(route.beside.version.number, first, end, chosen)
            self.release.serve(end)

    def act(self, present: Present, *, window_ended: bool) -> None:
        """Judge the open release; where none is, ask whether to retrain and do it."""
        if self.release is not None:
            self._tick(self.release, present.now)
        elif window_ended and (why := self._asks(present)):
            self._run(present, why)

    def tell(self, at: datetime, what: str, why: str) -> None:
        """Put on record what happened."""
        self.events.append({"at": at.isoformat(), "what": what, "why": why})

    def _answer(self, number: str, first: int, end: int, where: NDArray[np.bool_]) -> None:
        models = self.stage.models
        self.losses[first:end][where] = models.losses(number, first, end)[where]
        self.figures[first:end][where] = models.figures(number, first, end)[where]

    def _tick(self, release: Release, now: datetime) -> None:
        before = self.route
        self.route = route = release.judge(now)
        if route is before:
            return
        self.tell(now, str(route.step), release.reason)
        if route.champion != before.champion:
            self.serving_since = self.stage.history.until(now)
        if route.step is Step.CONFIRMED:
            self.refused.clear()
        if route.step is Step.ROLLED_BACK:
            self.rolled_back = Event(now, release.reason)
        if route.step in {Step.ROLLED_BACK, Step.EXPIRED}:
            self.refused.append(now)
        if not route.is_open:
            self.release = None

    def _asks(self, present: Present) -> str:
        """Return why a run is asked for; empty where none is, or none may begin now."""
        policy, rows = self.kind.policy, present.history.until(present.now)
        if policy is Policy.ALWAYS:
            return "no release is open"
        if policy is Policy.EVERY:
            since = rows - self.last_run[1]
            due = since >= rows_between_runs(present.history)
            return f"{since:,} rows since the last run" if due else ""
        if policy in WATCHED:
            return self._alerted(present.now)
        return ""

    def _alerted(self, now: datetime) -> str:
        """Let the watch look; an alert waits out its cooldown and the governor."""
        stage, project = self.stage, self.stage.history.project
        cooldown = project.policies.watch.cooldown
        if not self.held and self.alerted and now - self.alerted < cooldown:
            return ""  # whatever there is to see: later looks catch up
        champion = stage.models.kept[self.route.champion.number]
        report = stage.watching.report(
            champion, self.serving_since, now, self.last_run[0],
            stage.triggers.of(self.kind.policy),
        )  # fmt: skip
        self.broken.update(stage.watching.broken(champion))
        if not self.held:
            if not report.asks:
                return ""
            self.alerted, self.held, self.drift_since = now, True, report.since
            self.tell(now, "alert", report.sentence)
        standing = Standing(
            project.name, None, self.rolled_back, tuple(self.begun), tuple(self.refused)
        )
        allowed = may_begin(standing, project.policies.governor, now, trigger="drift")
        if isinstance(allowed, Refused):
            self.tell(now, "held", allowed.reason)
            return ""
        self.held = False
        return report.sentence

    def _run(self, present: Present, why: str) -> None:
        """Train a challenger, and let it serve at once or open a release, as the gates say."""
        now, models = present.now, self.stage.models
        self.begun.append(now)
        self.last_run = now, present.history.until(now)
        champion = models.kept[self.route.champion.number]
        if self.kind.gates:
            ran = present.run(champion, tuple(sorted(self.broken)), self.drift_since)
        else:
            ran = present.blind(self.drift_since)
        self.train_seconds += ran.seconds
        self.retrains += ran.seconds > 0
        if ran.model is None:
            self.refused.append(now)
            self.tell(now, f"refused at {ran.gate}", ran.why)
            return
        self.tell(now, "retrain", why)
        if self.kind.gates:
            key = champion.number, ran.model.number
            if key not in self.stage.releases:
                self.stage.releases[key] = opened(
                    present.history, models, self.route, ran.model, now
                )
            self.release = self.stage.releases[key]
            self.route = self.release.routes[0]
        else:
            self.refused.clear()
            self.serving_since = present.history.until(now)
            self.route = _in_service(self.route, ran.model, now)


def play_of(stage: Stage, kind: Kind, first: Model, now: datetime) -> Play:
    """Begin a play with a first model in service."""
    history, rows = stage.history, stage.history.until(now)
    route = first_route(
        history.project.name, first.version, release="first", at=now, actor="sixgates",
        reason="the first model",
    )  # fmt: skip
    return Play(
        stage, kind, route, np.full(history.rows, np.nan), np.full(history.rows, np.nan),
        rows, (now, rows),
    )  # fmt: skip


def _in_service(current: Route, model: Model, now: datetime) -> Route:
    return replace(
        current, epoch=current.epoch + 1, champion=model.version, at=now, reason="without gates"
    )
