"""Carry out what a tick decided: route, gateways, aliases, verdict, mark and page, or none of it.

Route and verdict belong together, and a process may die between them. So the whole decision is an
intent first: whoever finds it open and its route appended finishes it; else nothing happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.projection import project_route
from sixgates.adapters.wiring import World
from sixgates.gates.decision import Decision, Move
from sixgates.gates.verdict import Verdict
from sixgates.ledger.deciding import Objection, append_decided
from sixgates.ledger.ledger import Entry, Kind, LostRaceError
from sixgates.ledger.route import Route
from tasks.record import mark_refused, record
from tasks.report import report


@dataclass(frozen=True, slots=True)
class Decided:
    """A route that follows, and why."""

    route: Route
    decision: Decision
    inputs: dict[str, str]
    """By what the verdict can be found again."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the intent; the route itself is in the ledger once it holds."""
        decision, verdict = self.decision, self.decision.verdict.to_dict()
        return {
            **_name(self.route),
            # As it is read back, or a retry would not know the intent of the first try as its own.
            "verdict": {**verdict, "checks": list(verdict["checks"])},
            "move": decision.move,
            "reason": decision.reason,
            "inputs": self.inputs,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any], routes: Sequence[Route]) -> Self | None:
        """Rebuild a decision; None where its route was never appended."""
        route = next((r for r in routes if _name(r).items() <= stored.items()), None)
        if route is None:
            return None
        verdict = Verdict.from_dict(stored["verdict"])
        decision = Decision(verdict, Move(stored["move"]), stored["reason"])
        return cls(route, decision, stored["inputs"])


def carry_out(world: World, decided: Decided, unless: Objection | None = None) -> None:
    """Append the route and do what follows from it; once appended, all of it may be repeated.

    Args:
        world: Where to.
        decided: What was decided.
        unless: Why it may not be appended after all, asked in the transaction that appends it.

    Raises:
        LostRaceError: another controller appended this epoch first, or what came first forbids it.
    """
    route, decision = decided.route, decided.decision
    given = decided.to_dict()
    with intended(world, Effect.MOVE_RELEASE, route.model, release=route.release, given=given):
        try:
            held = append_decided(world.ledger, route.model, route=route, unless=unless)
        except LostRaceError:
            if route not in world.ledger.routes(route.model):
                raise
            held = None  # a former try appended it; somebody may have acted since
        if held is not None:
            raise LostRaceError(f"epoch {route.epoch} came too late: {held.reason}")
        if world.ledger.route(route.model) == route:
            project_route(world, route)
        before = _before(world, route)
        record_move(world, before, decision, decided.inputs)
        _mark_refused(world, route, decision)
        opening = opening_of(world, route)
        if not route.is_open and opening is not None:
            report(world, route.model, route.release, opening.body["tracking"])


def opening_of(world: World, route: Route) -> Entry | None:
    """Return the entry by which the release of a route opened."""
    opened = world.ledger.entries(route.model, kind=Kind.RELEASE, release=route.release)
    return opened[0] if opened else None


def record_move(world: World, route: Route, decision: Decision, inputs: dict[str, str]) -> None:
    """Record the verdict on a route."""
    opening = opening_of(world, route)
    record(
        world, model=route.model, release=route.release, verdict=decision.verdict,
        tracking=opening.body["tracking"] if opening else "", epoch=route.epoch,
        move=decision.move, inputs=inputs,
    )  # fmt: skip


def _name(route: Route) -> dict[str, Any]:
    return {"epoch": route.epoch, "step": route.step, "at": route.at.isoformat()}


def _before(world: World, route: Route) -> Route:
    return next(r for r in world.ledger.routes(route.model) if r.epoch == route.epoch - 1)


def _mark_refused(world: World, route: Route, decision: Decision) -> None:
    if decision.move not in {Move.ROLL_BACK, Move.EXPIRE}:
        return
    release = [r for r in world.ledger.routes(route.model) if r.release == route.release]
    tried = {r.beside.version.number for r in release if r.beside}
    for version in sorted(tried - {route.champion.number}):
        mark_refused(
            world, model=route.model, release=route.release, version=version,
            reason=decision.reason,
        )  # fmt: skip
