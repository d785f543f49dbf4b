"""The watch: has the world moved enough to ask for a retrain?"""

from dataclasses import dataclass

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.events import emit_drift_event
from sixgates.adapters.parquet_lake import ParquetLake
from sixgates.adapters.wiring import World, build
from sixgates.gates.evidence import loss_by_period
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.distance import psi
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference
from sixgates.gates.watch import WatchEvidence, WatchReport, judge_watch
from sixgates.ledger.ledger import Entry, Kind, require_route
from sixgates.ledger.route import Route
from sixgates.ledger.standing import read_acts, waiting_alert
from tasks.hold import still_held
from tasks.resume import dead_runs
from tasks.retry import TRANSIENT
from tasks.run import project_of


@dataclass(frozen=True, slots=True)
class Raised:
    """What came of a look."""

    alert: int | None
    """Ledger entry of the alert, None where none was raised."""
    sentence: str
    """What was seen, and why no alert came of it where none did."""


@task(**TRANSIENT, cache_policy=NO_CACHE)
def look_for_drift(project: str, data: str | None) -> WatchReport:
    """Compare the present with what the serving champion was made from."""
    world, chosen = build(), project_of(project)
    route = require_route(world.ledger, chosen.name)
    reference = world.references.get(chosen.name, route.champion.digest)
    return judge_watch(_evidence(world, chosen, data, route, reference), chosen.policies.watch)


@task(**TRANSIENT, cache_policy=NO_CACHE)
def raise_alert(project: str, data: str | None, report: WatchReport, *, announce: bool) -> Raised:
    """Record an alert and announce it by an event; quiet while one is, or just was, answered.

    One that the governor put off is announced again as soon as it would let it begin, and one
    whose run died or waits to open its release, so that the run goes on.
    """
    world, chosen = build(), project_of(project)
    now, model = world.clock.now(), chosen.name
    route = require_route(world.ledger, model)
    alerts = world.ledger.entries(model, kind=Kind.ALERT)
    cooldown = chosen.policies.watch.cooldown
    again = _open_alert(world, chosen, route)
    if again is not None:
        if again.alert is not None:
            # An event may be lost, and nobody would tell: the ledger does.
            alert = next(a for a in alerts if a.seq == again.alert)
            _announce(project, data, alert, announce=announce)
        return again
    if not report.alert:
        return Raised(None, report.sentence)
    if route.is_open:
        return Raised(None, f"no alert while a release is in step {route.step}: {report.sentence}")
    if alerts and now - alerts[-1].at < cooldown:
        until = alerts[-1].at + cooldown
        return Raised(None, f"no alert before {until}, the cooldown: {report.sentence}")
    figures = {
        "signals": [
            {"name": s.name, "seen": s.seen, "limit": s.limit, "n": s.n} for s in report.signals
        ],
        "features": list(report.features),
    }
    seq = world.ledger.append(model, Kind.ALERT, at=now, reason=report.sentence, body=figures)
    newest = world.ledger.entries(model, kind=Kind.ALERT)[-1]
    _announce(project, data, newest, announce=announce)
    return Raised(seq, f"alert {seq}: {report.sentence}")


def _open_alert(world: World, chosen: Project, route: Route) -> Raised | None:
    """Return what to say of an alert that is not answered yet, None where there is none."""
    left = _alert_of_run_left(world, chosen.name)
    if left is not None:
        return left
    waiting = waiting_alert(read_acts(world.ledger, chosen.name))
    if waiting is None or route.is_open:
        return None
    alert = waiting.alert
    if waiting.held and (refused := still_held(world, chosen)):
        return Raised(None, f"alert {alert.seq} is held: {refused.reason}")
    return Raised(alert.seq, f"alert {alert.seq} is unanswered: {alert.reason}")


def _alert_of_run_left(world: World, model: str) -> Raised | None:
    """Return the newest alert where nobody is at work on its run: nobody else would ask for it."""
    dead = dead_runs(world, model)
    alerts = world.ledger.entries(model, kind=Kind.ALERT)
    runs = world.ledger.entries(model, kind=Kind.RUN) if dead and alerts else []
    newest = alerts[-1].seq if alerts else None
    left = [run for run in runs if run.release in dead and run.body["alert"] == newest]
    if newest is None or not left:
        return None
    held = _is_put_off(world, model, left[-1].release)
    why = "waits to open its release" if held else "died"
    return Raised(newest, f"alert {newest}: its run {why}, and is asked for again")


def _is_put_off(world: World, model: str, run: str) -> bool:
    """Whether a run waits to open its release, and nobody has taken it up since."""
    words = world.ledger.entries(model, kind=Kind.ANSWER)
    held = [word.seq for word in words if word.body.get("run") == run]
    taken_up = world.ledger.entries(model, kind=Kind.RECOVERED, release=run)
    return bool(held) and held[-1] > max((entry.seq for entry in taken_up), default=0)


def _announce(project: str, data: str | None, alert: Entry, *, announce: bool) -> None:
    if announce:
        payload = {"project": project, "data": data, "alert": alert.seq, "reason": alert.reason}
        emit_drift_event(alert.model, payload | alert.body)


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
