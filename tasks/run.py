"""One retrain, from the moment it is asked for; how it is answered is in `tasks/answer.py`."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.project_files import load_project
from sixgates.adapters.projection import project_route
from sixgates.adapters.provenance import code_revision, lock_digest
from sixgates.adapters.wiring import World, build
from sixgates.gates.governor import BY_HAND, Allowed, Refused, may_begin
from sixgates.gates.project import Project
from sixgates.gateway.tokens import Role
from sixgates.ledger.deciding import Draft, append_decided
from sixgates.ledger.leases import Lease
from sixgates.ledger.ledger import Kind
from sixgates.ledger.release import UNDECIDED, superseded_by
from sixgates.ledger.standing import HELD, has_its_run, read_acts, read_standing
from tasks.flight import fly_on, has_begun, in_flight, land, take_off
from tasks.person import acting
from tasks.resume import Left, dead_runs, may_go_on, note_resumed, on_behalf_of, settle
from tasks.retry import TRANSIENT


@dataclass(frozen=True, slots=True)
class Run:
    """A retrain under way; small, so that tasks can pass it on."""

    id: str
    project: str
    """Name or path of the project file."""
    data: str | None
    """Address of the data, or None for the project's own source."""
    model: str
    tracking: str
    """Tracking run in the registry."""
    alert: int | None
    """Ledger entry of the alert that asked for it."""
    at: datetime
    """Event time of its beginning; data is read as of this moment."""
    override: str = ""
    """Why a person wants it in spite of a freeze or of a former refusal; empty for no."""
    trigger: str = ""
    """Who or what asked for it, or for it to go on; see `governor.BY_HAND`."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Why nothing was begun: something of the model is under way already."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Why no run was begun, or its release not opened: the governor did not let it."""

    reason: str
    until: datetime | None
    """Event time from which on it may be asked for again; None: when a person has acted."""


@task(**TRANSIENT, cache_policy=NO_CACHE)
def begin(
    project: str,
    data: str | None,
    alert: int | None,
    trigger: str,
    *,
    override: str = "",
    by: str = "",
) -> Run | Busy | Held:
    """Open a run, unless one or a release of the model is under way or the governor says no.

    A run whose process died is taken up again instead, in its own name.
    Where `governor.newer` is "replace", a challenger that is still tried makes way for the run.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
        alert: Ledger entry of the alert that asked for this run.
        trigger: Who or what asked, in words; see `governor.BY_HAND`.
        override: Why a person wants the run in a freeze all the same; empty for no.
        by: Name of that person; where a token says whose word it is, for whom.

    Raises:
        ConfigurationError: whoever runs this may not start it, or not override, or the project or
            its data are not in order.
    """
    world, chosen = build(), load_project(project)
    ProjectLake(chosen, data).check()
    asked = _Asked(project, data, alert, trigger, override, _asking(world, trigger, override, by))
    if _taken(world, chosen.name, alert):
        return _had_already(alert)
    run = f"{world.clock.now():%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    held = take_off(world, chosen, run)
    if held is not None:
        return _after(world, chosen.name, asked, held)
    begun: Run | Busy | Held | None = None
    try:
        begun = _begin(world, chosen, run, asked)
    finally:
        if not isinstance(begun, Run):
            land(world, chosen.name, run)
    return begun


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `begin` was asked."""

    project: str
    data: str | None
    alert: int | None
    trigger: str
    override: str
    actor: str

    @property
    def body(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        return {"trigger": self.trigger, "alert": self.alert, "data": self.data}


def _begin(world: World, chosen: Project, run: str, asked: _Asked) -> Run | Busy | Held:
    """Open a run while no other one of the model can begin."""
    now, route = world.clock.now(), world.ledger.route(chosen.name)
    body, trigger, override = asked.body, asked.trigger, asked.override
    training = chosen.policies.training.model_dump(mode="json")
    left = settle(world, chosen, now, data=asked.data if trigger in BY_HAND else None)
    resumable = next((dead for dead in left if not dead.obstacle), None)
    if resumable is not None:
        return _resume(world, chosen, resumable, run, asked)
    if _taken(world, chosen.name, asked.alert, besides={dead.entry.release for dead in left}):
        return _had_already(asked.alert)
    governor = chosen.policies.governor
    replaces = route is not None and governor.newer == "replace" and route.step in UNDECIDED
    if route is not None and route.is_open and not replaces:
        reason = f"release {route.release} is under way ({route.step}): no second one beside it"
        return _busy(world, chosen.name, asked, reason)
    standing = read_standing(world.ledger, chosen.name)
    let = may_begin(standing, governor, now, trigger=trigger, override=override)
    if isinstance(let, Refused):
        return _put_off(world, chosen.name, let, body)
    tags = {"trigger": trigger, "code": code_revision(), "lock": lock_digest(), "run": run,
            **_alert_tags(world, chosen.name, asked.alert)}  # fmt: skip
    with intended(world, Effect.START_RUN, chosen.name, release=run, given={}):
        tracking = world.registry.start_run(chosen.name, run, tags)
        begun = Draft(
            Kind.RUN, now, run, trigger,
            body={**body, "project": asked.project, "tracking": tracking, "training": training,
                  **_overridden(let, override),
                  **({"insisted": override} if override else {})},
            actor=asked.actor,
        )  # fmt: skip
        superseded = superseded_by(route, run, at=now) if route is not None and replaces else None
        append_decided(world.ledger, chosen.name, entry=begun, route=superseded)
        if superseded is not None:
            project_route(world, superseded)
    return Run(
        run, asked.project, asked.data, chosen.name, tracking, asked.alert, now, override, trigger
    )


def _resume(
    world: World, chosen: Project, left: Left, spare: str, asked: _Asked
) -> Run | Busy | Held:
    """Go on with a run that died, in its own name, unless the line is braked now."""
    now, died = world.clock.now(), left.entry
    let = may_go_on(world, chosen, left, now, trigger=asked.trigger, override=asked.override)
    if isinstance(let, Refused):
        return _put_off(world, chosen.name, let, asked.body)
    land(world, chosen.name, spare)
    held = take_off(world, chosen, died.release)
    if held is not None:
        return _busy(world, chosen.name, asked, in_flight(held))
    note_resumed(world, left)
    return Run(
        died.release, asked.project, died.body["data"], died.model, died.body["tracking"],
        died.body["alert"], died.at, asked.override or died.body.get("insisted", ""),
        on_behalf_of(left, asked.trigger),
    )  # fmt: skip


def world_of(run: Run) -> tuple[World, Project]:
    """Return the adapters and the project of a run, and show that it lives.

    Raises:
        LeaseLostError: it is no longer this process's run.
    """
    world, project = build(), project_of(run.project)
    fly_on(world, project, run.id)
    return world, project


def _after(world: World, model: str, asked: _Asked, held: Lease) -> Busy:
    """Answer "busy", unless the run under way may be the one that the same alert asked for.

    Of one alert's events, two may arrive at once. As long as the other run has not begun on record
    it may still fail to, and an alert that has an answer is never announced again.
    """
    if _taken(world, model, asked.alert):
        return _had_already(asked.alert)
    if asked.alert is not None and not has_begun(world, model, held):
        return Busy(in_flight(held))
    return _busy(world, model, asked, in_flight(held))


def _busy(world: World, model: str, asked: _Asked, reason: str) -> Busy:
    body = {**asked.body, "ending": "busy"}
    world.ledger.append(model, Kind.ANSWER, at=world.clock.now(), reason=reason, body=body)
    return Busy(reason)


def _had_already(alert: int | None) -> Busy:
    return Busy(f"alert {alert} has its run already")


def put_off(world: World, run: Run, refused: Refused) -> Held:
    """Record that a run may not open its release now, and let go of it without an answer to it.

    So it counts as one that died with its gates passed: what they said stands, and whoever asks for
    a run of the model next (the watch for its alert, the schedule, a person) takes it up there,
    or begins a new one where it has become too old. Nobody has to remember it.
    """
    reason = (
        f"run {run.id} passed gates 1 to 4 and waits to open its release, which the next run that"
        f" is asked for does, such as by `sixgates retrain --project {run.project}`:"
        f" {refused.reason}"
    )
    body = {"trigger": run.trigger, "alert": run.alert, "data": run.data, "run": run.id}
    held = _put_off(world, run.model, Refused(reason, refused.until), body)
    land(world, run.model, run.id)
    return held


def _put_off(world: World, model: str, refused: Refused, body: dict[str, Any]) -> Held:
    """Record that the governor said no; an event that arrives twice is put off once."""
    until = None if refused.until is None else refused.until.isoformat()
    body = {**body, "ending": HELD, "until": until}
    newest = world.ledger.entries(model, kind=Kind.ANSWER)[-1:]
    repeated = body["alert"] is not None or "run" in body
    twice = repeated and [(e.reason, e.body) for e in newest] == [(refused.reason, body)]
    if not twice:
        now = world.clock.now()
        world.ledger.append(model, Kind.ANSWER, at=now, reason=refused.reason, body=body)
    return Held(refused.reason, refused.until)


def _alert_tags(world: World, model: str, alert: int | None) -> dict[str, str]:
    """Return, for the tracking run, why it was asked for: the reason, and the figures behind it."""
    raised = [e for e in world.ledger.entries(model, kind=Kind.ALERT) if e.seq == alert]
    return {
        tag: value
        for entry in raised
        for tag, value in (
            ("alert", str(entry.seq)),
            ("alert.reason", entry.reason),
            ("alert.signals", json.dumps(entry.body.get("signals", []))),
            ("alert.since", entry.body.get("since")),
        )
        if value is not None
    }


def _asking(world: World, trigger: str, override: str, by: str) -> str:
    """Return who asks, for the record, proved where tokens are: a form of Prefect's takes any name.

    A run by itself decides nothing, the gates do; to go against a brake is a decision.
    """
    if trigger not in BY_HAND and not override:
        return "sixgates"
    role = Role.APPROVE if override else Role.OPERATE
    person = acting(world.settings, role, claim=by or None, safe=not override)
    # Without a name, the user of a worker is not the person who started the run.
    return person.actor if by or person.proved else "by hand"


def _overridden(let: Allowed, reason: str) -> dict[str, Any]:
    """Return, for the record, which brakes a person set aside and why; who is the entry's actor."""
    if not let.overridden:
        return {}
    names = [braked.brake for braked in let.overridden]
    return {"override": {"brakes": names, "reason": reason or "by hand, no reason given"}}


def _taken(
    world: World, model: str, alert: int | None, besides: Collection[str] | None = None
) -> bool:
    """Whether a run has begun for an alert, and did not die: events may arrive twice."""
    if alert is None:
        return False
    if besides is None:
        besides = dead_runs(world, model)
    return has_its_run(read_acts(world.ledger, model), alert, besides)


@lru_cache(maxsize=8)
def project_of(project: str) -> Project:
    """Load a project once a process."""
    return load_project(project)
