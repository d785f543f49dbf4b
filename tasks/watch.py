"""The watch: has the world moved enough to ask for a retrain?"""

from dataclasses import dataclass

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.events import emit_drift_event
from sixgates.adapters.parquet_lake import ParquetLake
from sixgates.adapters.wiring import World, build
from sixgates.gates.evidence import loss_by_period
from sixgates.gates.profile import profile_frame, psi
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference
from sixgates.gates.watch import WatchEvidence, WatchReport, judge_watch
from sixgates.ledger.ledger import Kind, require_route
from sixgates.ledger.route import Route
from tasks.retry import TRANSIENT
from tasks.run import project_of


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert on record."""

    entry: int
    """Its number in the ledger."""
    sentence: str


@task(**TRANSIENT, cache_policy=NO_CACHE)
def look_for_drift(project: str, data: str | None) -> WatchReport:
    """Compare the present with what the serving champion was made from."""
    world, chosen = build(), project_of(project)
    route = require_route(world.ledger, chosen.name)
    reference = world.references.get(chosen.name, route.champion.digest)
    return judge_watch(_evidence(world, chosen, data, route, reference), chosen.policies.watch)


@task(**TRANSIENT, cache_policy=NO_CACHE)
def raise_alert(
    project: str, data: str | None, report: WatchReport, *, announce: bool
) -> Alert | None:
    """Record an alert and announce it by an event; quiet while one is, or just was, answered."""
    world, chosen = build(), project_of(project)
    now, model = world.clock.now(), chosen.name
    route = require_route(world.ledger, model)
    alerts = world.ledger.entries(model, kind=Kind.ALERT)
    recent = bool(alerts) and now - alerts[-1].at < chosen.policies.watch.cooldown
    if not report.alert or route.is_open or recent:
        return None
    figures = {
        "signals": [
            {"name": s.name, "seen": s.seen, "limit": s.limit, "n": s.n} for s in report.signals
        ],
        "features": list(report.features),
    }
    entry = world.ledger.append(model, Kind.ALERT, at=now, reason=report.sentence, body=figures)
    if announce:
        payload = {"project": project, "data": data, "alert": entry, "reason": report.sentence}
        emit_drift_event(model, payload | figures)
    return Alert(entry, report.sentence)


def _evidence(
    world: World, project: Project, data: str | None, route: Route, reference: Reference
) -> WatchEvidence:
    now, policy, roles = world.clock.now(), project.policies.watch, project.roles
    earliest = now - policy.window - policy.persistence * project.period
    rows = (
        ParquetLake(project, data).as_of(now).filter(pl.col(roles.event_time) > earliest).collect()
    )
    looks = []
    for back in range(policy.persistence):
        end = now - back * project.period
        within = pl.col(roles.event_time).is_between(end - policy.window, end, closed="right")
        window = rows.filter(within)
        profile = profile_frame(window, roles.numeric, roles.categorical, like=reference.profile)
        looks.append((psi(reference.profile, profile), window.height))
    serving_since = next(
        r.at for r in world.ledger.routes(project.name)
        if r.champion == route.champion
    )  # fmt: skip
    losses = loss_by_period(
        project,
        route.champion.number,
        world.log.predictions(project.name, serving_since),
        world.log.labels(project.name),
        now=now,
        classes=world.models.get(project.name, route.champion.digest)[1].classes,
    )
    return WatchEvidence(
        looks=tuple(figures for figures, _ in looks),
        rows=looks[0][1],
        past_windows=reference.past_windows,
        period_losses=losses["loss"].to_numpy(),
        holdout_loss=reference.holdout_loss,
    )
