"""What the governor keeps back now, and how a release that it held is put on record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sixgates.adapters.wiring import World
from sixgates.gates.decision import Decision
from sixgates.gates.governor import UPWARDS, Refused, may_begin, may_move_up
from sixgates.gates.policy import GovernorPolicy
from sixgates.gates.project import Project
from sixgates.ledger.deciding import Objection
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.route import Route
from sixgates.ledger.standing import read_acts, read_standing, standing_of, trigger_of


def held_back(
    world: World, route: Route, decision: Decision, policy: GovernorPolicy, now: datetime
) -> Refused | None:
    """Return why a move may not be carried out now; None where it may.

    A rollback, an expiry and a tick that another one overtook are never held.
    """
    model, unless = route.model, objection(route, decision, policy, now)
    if unless is None or world.ledger.route(model) != route:
        return None
    return unless(read_acts(world.ledger, model), world.ledger.routes(model))


def objection(
    route: Route, decision: Decision, policy: GovernorPolicy, now: datetime
) -> Objection | None:
    """Return what must be asked of the record as a move is appended; None: nothing holds it."""
    if decision.move not in UPWARDS:
        return None

    def braked(entries: Sequence[Entry], routes: Sequence[Route]) -> Refused | None:
        standing = standing_of(route.model, entries, routes)
        let = may_move_up(standing, policy, now, trigger=trigger_of(entries, route.release))
        return let if isinstance(let, Refused) else None

    return braked


def still_held(world: World, project: Project) -> Refused | None:
    """Return why an alert that was put off may not be answered yet; None where it may.

    The governor is asked again, and not the answer on record: a person may have let go since.
    """
    standing, policy = read_standing(world.ledger, project.name), project.policies.governor
    let = may_begin(standing, policy, world.clock.now(), trigger="drift")
    return let if isinstance(let, Refused) else None


def is_noted(world: World, route: Route, decision: Decision, held: Refused) -> bool:
    """Whether it is on record that this move was held for this reason: ticks repeat."""
    body = _body(route, decision, held)
    return any(e.body == body for e in _notes(world, route))


def note(world: World, route: Route, decision: Decision, held: Refused, now: datetime) -> None:
    """Record that a move was held."""
    world.ledger.append(
        route.model, Kind.HELD, at=now, release=route.release,
        reason=f"held: {held.reason}. The gate would {decision.move}: {decision.reason}",
        body=_body(route, decision, held),
    )  # fmt: skip


def newest_note(world: World, route: Route) -> str | None:
    """Return why the release was held last, None where it never was."""
    notes = _notes(world, route)
    return notes[-1].reason if notes else None


def _notes(world: World, route: Route) -> list[Entry]:
    return world.ledger.entries(route.model, kind=Kind.HELD, release=route.release)


def _body(route: Route, decision: Decision, held: Refused) -> dict[str, Any]:
    until = None if held.until is None else held.until.isoformat()
    return {"epoch": route.epoch, "move": decision.move, "held": held.reason, "until": until}
