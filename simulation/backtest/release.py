"""Gates 5 and 6 at the end of a period: what they would have decided of an open release."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from simulation.backtest.history import History
from simulation.backtest.models import Model, Models
from simulation.backtest.service import records
from sixgates.adapters.log_records import PREDICTION_SCHEMA
from sixgates.gates.canary import Phase, Stage, judge_canary, planned_shares
from sixgates.gates.decision import Decision
from sixgates.gates.errors import ContractError
from sixgates.gates.evidence import Evidence, Trial, gather
from sixgates.gates.monitor import judge_monitor
from sixgates.ledger.release import next_route, next_share, open_release
from sixgates.ledger.route import Beside, Route, Step


@dataclass(eq=False)
class Release:
    """A challenger on its way; plays that try the same one beside the same champion share it."""

    history: History
    models: Models
    routes: list[Route]
    """Oldest first."""
    served: int
    """Rows up to here are in its log."""
    log: pl.DataFrame = field(default_factory=PREDICTION_SCHEMA.to_frame)
    """What was answered since it opened; empty when it has ended."""
    reason: str = ""
    """Of the newest decision."""
    _judged: datetime | None = None

    def serve(self, end: int) -> None:
        """Log what is answered up to a row; the first play that asks does it for all."""
        if end > self.served:
            newest = records(self.history, self.models, self.routes[-1], self.served, end)
            self.log.extend(newest)
            self.served = end

    def judge(self, now: datetime) -> Route:
        """Judge everything since it opened, once a moment, and return who serves from then on."""
        route, project = self.routes[-1], self.history.project
        if self._judged == now:
            return route
        judge = _watched if route.step is Step.PROMOTED else _tried
        decision, plan = judge(self, route, now)
        following = next_route(
            route, decision.move, shares=plan, holdback=project.policies.monitor.holdback,
            at=now, actor="sixgates", reason=decision.reason,
        )  # fmt: skip
        self._judged, self.reason = now, decision.reason
        if following is not None:
            self.routes.append(following)
        if not self.routes[-1].is_open:
            self.log = self.log.clear()
        return self.routes[-1]


def opened(
    history: History, models: Models, current: Route, challenger: Model, now: datetime
) -> Release:
    """Open a release of a challenger that passed gates 1 to 4."""
    project = history.project
    route = open_release(
        current, challenger.version, release=f"{project.name}-{challenger.number}", at=now,
        actor="sixgates", reason="gates 1 to 4 passed",
    )  # fmt: skip
    return Release(history, models, [route], history.until(now))


def _tried(release: Release, route: Route, now: datetime) -> tuple[Decision, tuple[float, ...]]:
    project, beside = release.history.project, _beside(route)
    policy = project.policies.canary
    shares = {r.epoch: r.beside.share for r in release.routes if r.beside is not None}
    compared = beside.version.number, route.champion.number
    begun = min((r.at for r in release.routes if shares.get(r.epoch, 0.0) > 0), default=None)
    trial = Trial(*compared, shares, route.epoch, *_said_of(release.models, compared), begun)
    evidence = _evidence(release, trial, now, policy.slow_ms)
    plan = planned_shares(policy, evidence.requests_per_period, project.period)
    stage = Stage(
        phase=Phase.SHADOW if route.step is Step.SHADOW else Phase.SPLIT,
        share=beside.share,
        is_last=next_share(route, plan) is None,
        open_for=now - release.routes[0].at,
        unlogged=0,
    )
    return judge_canary(evidence, stage, project), plan


def _watched(release: Release, route: Route, now: datetime) -> tuple[Decision, tuple[float, ...]]:
    project, beside = release.history.project, _beside(route)
    compared = route.champion.number, beside.version.number
    shares = {route.epoch: 1.0 - beside.share}
    before = tuple(r.epoch for r in release.routes if r.step is Step.SHADOW)
    trial = Trial(
        *compared, shares, route.epoch, *_said_of(release.models, compared), before=before
    )
    evidence = _evidence(release, trial, now, project.policies.monitor.slow_ms)
    return judge_monitor(evidence, project), ()


def _beside(route: Route) -> Beside:
    """Return the model beside the champion.

    Raises:
        ContractError: there is none, so that nothing can be judged.
    """
    if route.beside is None:
        raise ContractError(f"route {route.epoch} of {route.model} has no model beside: end it")
    return route.beside


def _said_of(models: Models, numbers: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], float]:
    """Return the classes of each model, and the larger of their label ages."""
    cards = {number: models.kept[number].card for number in numbers}
    classes = {number: card.classes for number, card in cards.items()}
    return classes, max(card.label_age for card in cards.values())


def _evidence(release: Release, trial: Trial, now: datetime, slow_ms: float) -> Evidence:
    labels = release.history.labels(
        release.history.until(release.routes[0].at), release.served, now
    )
    return gather(release.history.project, trial, release.log, labels, now=now, slow_ms=slow_ms)
