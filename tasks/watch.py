"""The watch: has the world moved enough to ask for a retrain?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.events import emit_drift_event
from sixgates.adapters.wiring import World, build
from sixgates.gates.drift.trigger import between_alerts
from sixgates.gates.later import later
from sixgates.gates.project import Project
from sixgates.gates.watch import WatchReport, judge_watch
from sixgates.ledger.deciding import Draft
from sixgates.ledger.feed import broken_stretches
from sixgates.ledger.ledger import Entry, Kind, require_route
from sixgates.ledger.route import Route
from sixgates.ledger.standing import read_acts, waiting_alert
from tasks.feed import note_feed
from tasks.hold import still_held
from tasks.look import look_again, look_around
from tasks.resume import alert_left
from tasks.retry import TRANSIENT
from tasks.run import project_of

_DRIFT = "drift without a retrain"
"""Case of a notice."""


@dataclass(frozen=True, slots=True)
class Raised:
    """What came of a look."""

    alert: int | None
    """Ledger entry of the alert, None where none was raised."""
    sentence: str
    """What was seen, and why no alert came of it where none did."""


@task(**TRANSIENT, cache_policy=NO_CACHE)
def look_for_drift(project: str, data: str | None) -> WatchReport:
    """Compare what has come since with what the serving champion was made from."""
    world, chosen = build(), project_of(project)
    since = look_around(world, chosen, data)
    noticed = world.ledger.entries(chosen.name, kind=Kind.NOTICE)
    others = look_again(world, data, broken_stretches(noticed), since)
    note_feed(world, chosen.name, [*since.looks, *others])
    policy = since.project.policies.watch
    return judge_watch(since.evidence(world.clock.now(), since.looks), policy)


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
    cooldown = between_alerts(chosen.policies.watch)
    again = _open_alert(world, chosen, route)
    if again is not None:
        if again.alert is not None:
            # An event may be lost, and nobody would tell: the ledger does.
            known = world.ledger.entries(model, kind=Kind.ALERT)  # it may have come just now
            alert = next(a for a in known if a.seq == again.alert)
            _announce(project, data, alert, announce=announce)
        return again
    if not report.asks:
        if report.alert and not route.is_open:
            _note_drift(world, model, report, cooldown)
        return Raised(None, report.sentence)
    if route.is_open:
        return Raised(None, f"no alert while a release is in step {route.step}: {report.sentence}")
    if alerts and now - alerts[-1].at < cooldown:
        until = later(alerts[-1].at, cooldown)
        return Raised(None, f"no alert before {until}, the cooldown: {report.sentence}")
    drawn = Draft(Kind.ALERT, now, "", report.sentence, _figures(report))
    other = world.ledger.append_together(
        model, entry=drawn, about={Kind.ALERT},
        unless=lambda known, _: known[-1] if len(known) > len(alerts) else None,
    )  # fmt: skip
    if other is not None:
        return Raised(None, f"alert {other.seq} was raised by another watch just now")
    newest = world.ledger.entries(model, kind=Kind.ALERT)[-1]
    _announce(project, data, newest, announce=announce)
    return Raised(newest.seq, f"alert {newest.seq}: {report.sentence}")


def _note_drift(world: World, model: str, report: WatchReport, cooldown: timedelta) -> None:
    """Put on record, once a cooldown, that the world moved and the trigger asks for nothing."""
    now, notices = world.clock.now(), world.ledger.entries(model, kind=Kind.NOTICE)
    noted = [notice.at for notice in notices if notice.body.get("case") == _DRIFT]
    if not noted or now - noted[-1] >= cooldown:
        figures = _figures(report)
        body = figures | {"case": _DRIFT, "about": figures["window"]}
        world.ledger.append(model, Kind.NOTICE, at=now, reason=report.sentence, body=body)


def _figures(report: WatchReport) -> dict[str, Any]:
    """Return what an alert rests on, as the ledger keeps it."""
    return {
        "signals": [
            {"name": s.name, "alert": s.alert, "seen": s.seen, "limit": s.limit,
             "effect": s.effect, "floor": s.floor, "n": s.n, "since": _moment(s.since)}
            for s in report.signals
        ],
        "features": list(report.features),
        "window": _moment(report.window),
        "since": _moment(report.since),
    }  # fmt: skip


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _open_alert(world: World, chosen: Project, route: Route) -> Raised | None:
    """Return what to say of an alert that is not answered yet, None where there is none."""
    left = _alert_of_run_left(world, chosen.name)
    if left is not None:
        return left
    waiting = waiting_alert(read_acts(world.ledger, chosen.name), world.ledger.routes(chosen.name))
    if waiting is None or route.is_open:
        return None
    alert = waiting.alert
    if waiting.held and (refused := still_held(world, chosen)):
        return Raised(None, f"alert {alert.seq} is held: {refused.reason}")
    return Raised(alert.seq, f"alert {alert.seq} is unanswered: {alert.reason}")


def _alert_of_run_left(world: World, model: str) -> Raised | None:
    """Return the newest alert where nobody is at work on its run: nobody else would ask for it."""
    left = alert_left(world, model)
    if left is None:
        return None
    newest, run = left
    held = _is_put_off(world, model, run.release)
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
