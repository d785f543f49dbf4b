"""A share that stays although harm was shown: once an epoch, a person is asked what to do."""

from datetime import datetime

from sixgates.adapters.wiring import World
from sixgates.gates.decision import Decision
from sixgates.gates.verdict import Outcome, percent
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route


def ask_about_harm(world: World, route: Route, decision: Decision, now: datetime) -> None:
    """Write a notice where a gate fails a release that stays as it is, once an epoch.

    Args:
        world: Whose ledger keeps it.
        route: The release as it stays.
        decision: What the gate said, and that nothing moves.
        now: Event time, naive UTC.
    """
    body = {"case": "frozen share", "about": f"{route.release}/{route.epoch}"}
    known = world.ledger.entries(route.model, kind=Kind.NOTICE, release=route.release)
    if decision.verdict.outcome is not Outcome.FAIL or any(e.body == body for e in known):
        return
    share = percent(route.beside.share) if route.beside else "nothing"
    world.ledger.append(
        route.model, Kind.NOTICE, at=now, release=route.release, body=body,
        reason=f"harm was shown and the share stays at {share} (canary.on_harm is 'freeze'):"
        f" `sixgates reject --project {route.model} --reason ...` ends the release, and its"
        f" deadline does. {decision.verdict.reason}",
    )  # fmt: skip
