"""A person's yes or no to a challenger: asked by a tick, given by command or from Prefect's UI."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.known_model import model_of
from sixgates.adapters.projection import project_route
from sixgates.adapters.wiring import World, build
from sixgates.gates.approval import Ruled, person_needed, rule
from sixgates.gates.decision import Decision
from sixgates.gates.errors import ConfigurationError, PipelineError
from sixgates.gates.later import later
from sixgates.gates.project import Project
from sixgates.gates.verdict import Outcome
from sixgates.gateway.tokens import Role
from sixgates.ledger.asked import (
    approval_of,
    comparison_of,
    newest_verdict,
    question_body,
    question_of,
    subject_of,
    until_of,
)
from sixgates.ledger.ledger import Entry, Kind, require_route
from sixgates.ledger.release import rejected_by
from sixgates.ledger.returning import append_anew
from sixgates.ledger.route import Route, Step
from tasks.person import acting, heeded
from tasks.record import mark_refused
from tasks.retry import TRANSIENT
from tasks.run import project_of


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a person's word."""

    model: str
    version: str
    """The challenger that it was about."""
    sentence: str
    changed: bool
    """False where the same was on record already."""


@task(**TRANSIENT, cache_policy=NO_CACHE)
def approve(project: str, reason: str, by: str | None = None, *, override: str = "") -> Said:
    """Record a person's yes to the challenger in its present share; the next tick acts on it.

    Args:
        project: Name or path of a project file.
        reason: Why, for the record; may be empty where `override` says it.
        by: Name of that person; where a token says whose word it is, for whom. None for nobody
            but who runs this.
        override: Why it should hold although gate 5 has not decided; empty for no. It never holds
            against a gate that fails.

    Raises:
        ConfigurationError: nobody was asked, it is too late, gate 5 fails, no name or reason was
            given, or no token that may approve where tokens are.
    """
    world, model = build(), project_of(project).name
    reason, override = reason.strip(), override.strip()
    _require_words(model, by, reason or override)
    person = acting(world.settings, Role.APPROVE, claim=by, safe=False)
    route = require_route(world.ledger, model)
    entries = heeded(world.settings, _of_release(world, route))
    if route.beside is None or route.step is not Step.CANARY:
        raise ConfigurationError(
            f"no challenger of {model} answers requests (step {route.step}): there is nothing to"
            f" approve, see `sixgates status --project {project}`"
        )
    version = route.beside.version.number
    if override:
        _must_not_fail(entries, route)
    else:
        _must_be_asked(entries, route, world.clock.now(), project)
    known = approval_of(entries, route)
    if known is not None and (known.override or not override):
        sentence = f"version {version} was approved already, by {known.by}"
        return Said(model, version, sentence, changed=False)
    judged = newest_verdict(entries, route)
    world.ledger.append(
        model, Kind.APPROVED, at=world.clock.now(), release=route.release,
        actor=person.actor, reason=reason or override,
        body={
            **subject_of(route), "override": override, "verdict": judged.seq if judged else None,
            "proved": person.proved,
        },
    )  # fmt: skip
    unless = "gate 5 fails" if override else "gate 5 no longer passes"
    sentence = f"version {version} is approved: the next tick promotes it unless {unless}"
    return Said(model, version, sentence, changed=True)


@task(**TRANSIENT, cache_policy=NO_CACHE)
def reject(project: str, reason: str, by: str | None = None) -> Said:
    """Record a person's no: the release ends at once, and the champion serves alone.

    Args:
        project: Name or path of a project file.
        reason: Why, for the record.
        by: As for `approve`.

    Raises:
        ConfigurationError: no challenger is tried, no name or reason was given, or whoever runs
            this may not operate.
    """
    world = build()
    model = model_of(world.ledger, project)
    _require_words(model, by, reason)
    # As safe as a rollback, and no more than one: the champion serves on.
    actor = acting(world.settings, Role.OPERATE, claim=by, safe=True).actor
    before = require_route(world.ledger, model)
    if (before.step, before.actor, before.reason) == (
        Step.ROLLED_BACK, f"by {actor}", f"rejected: {reason}"
    ):  # fmt: skip
        return _rejected(world, before, changed=False)
    now = world.clock.now()
    route = append_anew(
        world.ledger, model, lambda routes: rejected_by(routes[-1], actor, at=now, reason=reason)
    )
    return _rejected(world, route, changed=True)


def after_people(
    world: World, project: Project, route: Route, decision: Decision, now: datetime
) -> Ruled:
    """Return what follows from what gate 5 or 6 decided, as far as people were heard by now."""
    if route.step is not Step.CANARY:
        return Ruled(decision)
    entries = _of_release(world, route)
    return rule(
        decision,
        need=person_needed(project.policies.approval, comparison_of(entries)),
        approval=approval_of(heeded(world.settings, entries), route),
        asked_until=until_of(question_of(entries, route)),
        now=now,
    )


def heard(
    world: World, project: Project, route: Route, decision: Decision, now: datetime
) -> Decision:
    """Return what follows once people have been heard; where one must be asked, that is done."""
    ruled = after_people(world, project, route, decision, now)
    if ruled.ask and world.ledger.route(route.model) == route:
        _ask(world, project, route, ruled, now)
    return ruled.decision


def _ask(world: World, project: Project, route: Route, ruled: Ruled, now: datetime) -> None:
    until = later(now, project.policies.approval.expires)
    tried = route.beside.version.number if route.beside else "?"
    world.ledger.append(
        route.model, Kind.ASKED, at=now, release=route.release,
        reason=f"version {tried} passed gate 5 and waits for a person: {ruled.ask}",
        body=question_body(route, ruled.decision, ruled.ask, until),
    )  # fmt: skip


def _rejected(world: World, route: Route, *, changed: bool) -> Said:
    """Make the world follow a rejection; what is out of reach is tried again by the next tick."""
    proved = project_route(world, route)
    tried = next(r for r in reversed(world.ledger.routes(route.model)) if r.beside is not None)
    version = tried.beside.version.number if tried.beside else ""
    with suppress(PipelineError):  # the mark's intent stays open until the registry is back
        mark_refused(
            world, model=route.model, release=route.release, version=version, reason=route.reason
        )
    sure = "every gateway confirms" if proved else "not every gateway confirms it yet"
    sentence = (
        f"version {version} is rejected, version {route.champion.number} serves alone: {sure}"
    )
    return Said(route.model, version, sentence, changed=changed)


def _must_be_asked(entries: list[Entry], route: Route, now: datetime, project: str) -> None:
    until = until_of(question_of(entries, route))
    if until is None:
        raise ConfigurationError(
            f"nobody was asked about the present challenger of {route.model}: gate 5 has not"
            " passed it, or no approval is needed; wait for a tick, or say with --override why it"
            " should not wait for gate 5"
        )
    if now >= until:
        raise ConfigurationError(
            f"the question about the challenger of {route.model} ran out on"
            f" {until:%Y-%m-%d %H:%M} UTC: the next tick ends its release, run"
            f" `sixgates retrain --project {project}` for a new one"
        )


def _must_not_fail(entries: list[Entry], route: Route) -> None:
    newest = newest_verdict(entries, route)
    if newest is not None and newest.body["outcome"] == Outcome.FAIL:
        raise ConfigurationError(
            f"gate 5 fails the challenger of {route.model}, and no override holds against that"
            f" ({newest.reason}): `sixgates reject` ends its release"
        )


def _require_words(model: str, by: str | None, reason: str) -> None:
    if not reason.strip():
        raise ConfigurationError(f"nothing is decided for {model}: say why with --reason")
    if by is not None and not by.strip():
        raise ConfigurationError(f"nothing is decided for {model}: say who decides with --by")


def _of_release(world: World, route: Route) -> list[Entry]:
    return world.ledger.entries(route.model, release=route.release)
