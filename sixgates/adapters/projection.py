"""Make the world follow the ledger: gateways, then registry aliases, and write what they say.

Safe to repeat: it sets what the newest route says, and records an answer only when it is new.
"""

from dataclasses import asdict
from typing import Any

from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError
from sixgates.gates.ports import Serving
from sixgates.gates.records import Arm
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route, Step


def project_route(world: World, route: Route) -> bool:
    """Make gateways and aliases follow a route, and return whether every gateway confirms it.

    An unreachable gateway or registry does not undo the decision: what could not be reached is
    recorded, and the next tick tries again.
    """
    trouble: list[str] = []
    answers: list[Serving] = []
    try:
        answers = world.traffic.follow(route.model, route.epoch)
    except PipelineError as exc:
        trouble.append(str(exc))
    try:
        world.registry.set_aliases(route.model, aliases_of(world, route))
    except PipelineError as exc:
        trouble.append(str(exc))
    proved = bool(answers) and all(confirms(answer, route) for answer in answers)
    body: dict[str, Any] = {
        "epoch": route.epoch,
        "proved": proved,
        "answers": [asdict(answer) for answer in answers],
        "trouble": trouble,
    }
    known = world.ledger.entries(route.model, kind=Kind.PROOF)
    if not known or known[-1].body != body:
        reason = "every gateway confirms" if proved else "; ".join(trouble) or "no gateway confirms"
        world.ledger.append(
            route.model, Kind.PROOF, at=route.at, release=route.release, reason=reason, body=body
        )
    return proved


def confirms(answer: Serving, route: Route) -> bool:
    """Say whether a gateway serves exactly what a route says."""
    beside = route.beside
    return (answer.epoch, answer.champion_digest, answer.beside_digest, answer.share) == (
        route.epoch,
        route.champion.digest,
        beside.version.digest if beside else "",
        beside.share if beside else 0.0,
    )


def aliases_of(world: World, route: Route) -> dict[str, str | None]:
    """Return the aliases that a route means."""
    beside = route.beside
    return {
        "champion": route.champion.number,
        "challenger": beside.version.number if beside and beside.arm is Arm.CANARY else None,
        "previous": _previous(world.ledger.routes(route.model)),
    }


def _previous(routes: list[Route]) -> str | None:
    """Return the champion that the present one followed; a rollback forgets what it undid."""
    champions: list[str] = []
    for route in routes:
        number = route.champion.number
        if route.step is Step.ROLLED_BACK and number in champions:
            del champions[champions.index(number) + 1 :]
        elif champions[-1:] != [number]:
            champions.append(number)
    return champions[-2] if len(champions) > 1 else None
