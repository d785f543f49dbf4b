"""Make the world follow the ledger: gateways, then registry aliases, and write what they say.

Safe to repeat: it sets what the newest route says, and records an answer only when it is new.
"""

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sixgates.adapters.effects import Effect, intended, is_open
from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError
from sixgates.gates.ports import Serving, SomeSilentError
from sixgates.gates.records import Arm
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.route import Route, Step


def project_route(world: World, route: Route) -> bool:
    """Make gateways and aliases follow a route, and return whether every gateway confirms it.

    An unreachable gateway or registry does not undo the decision: what could not be reached is
    recorded, and the next tick tries again.
    """
    trouble: list[str] = []
    answers: list[Serving] = []
    try:
        answers = follow_route(world, route)
        proved = bool(answers) and all(confirms(answer, route) for answer in answers)
    except PipelineError as exc:
        proved = False
        trouble.append(str(exc))
        answers = exc.answers if isinstance(exc, SomeSilentError) else []
    try:
        _set_aliases(world, route)
    except PipelineError as exc:
        trouble.append(str(exc))
    body: dict[str, Any] = {
        "epoch": route.epoch,
        "proved": proved,
        "answers": [asdict(answer) for answer in answers],
        "trouble": trouble,
    }
    newest = newest_proof(world, route)
    if newest is None or _without_counts(newest.body) != _without_counts(body):
        others = [unlike(answer, route) for answer in answers if not confirms(answer, route)]
        said = "; ".join([*trouble, *others]) or "no gateway confirms"
        reason = "every gateway confirms" if proved else said
        world.ledger.append(
            route.model, Kind.PROOF, at=route.at, release=route.release, reason=reason, body=body
        )
    return proved


def _without_counts(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out what rises with the traffic: it says nothing of a route, and ticks repeat."""
    counts = {"unlogged", "left_out", "left_out_labels"}
    answers = [{k: v for k, v in a.items() if k not in counts} for a in body["answers"]]
    return {**body, "answers": answers}


def follow_route(world: World, route: Route) -> list[Serving]:
    """Return what every live gateway serves, once those that did not follow were told to.

    Raises:
        TransientError: a gateway did not answer.
    """
    asked: dict[str, Any] = {"release": route.release, "given": {"epoch": route.epoch}}
    newest = newest_proof(world, route)
    tried = newest is not None and newest.body["epoch"] == route.epoch
    answers: list[Serving] = []
    if tried and not is_open(world, Effect.FOLLOW_ROUTE, route.model, **asked):
        answers = world.traffic.serving(route.model)
        if all(confirms(answer, route) for answer in answers):
            return answers
    with suppress(_UnconfirmedError), intended(world, Effect.FOLLOW_ROUTE, route.model, **asked):
        answers = world.traffic.follow(route.model, route.epoch)
        if not all(confirms(answer, route) for answer in answers):
            raise _UnconfirmedError
    return answers


class _UnconfirmedError(Exception):
    """A gateway was told and did not follow: the intent stays open until it does."""


def _set_aliases(world: World, route: Route) -> None:
    """Make the aliases follow, where their versions exist; put on record who had moved them."""
    model, current = route.model, world.registry.aliases(route.model)
    known = world.registry.registered(model)
    wanted = {
        alias: version if version in known else None
        for alias, version in aliases_of(world, route).items()
    }
    asked: dict[str, Any] = {"release": route.release, "given": {"epoch": route.epoch}}
    moved = [alias for alias, version in wanted.items() if current.get(alias) != version]
    if not moved and not is_open(world, Effect.SET_ALIASES, model, **asked):
        return
    newest = newest_proof(world, route)
    were_set = newest and newest.body["epoch"] == route.epoch and not newest.body["trouble"]
    with intended(world, Effect.SET_ALIASES, model, **asked):
        world.registry.set_aliases(model, wanted)
    if moved and were_set:
        named = (f"{a} from {current.get(a)} to {wanted[a]}" for a in moved)
        world.ledger.append(
            model, Kind.RECOVERED, at=world.clock.now(), release=route.release,
            reason=f"aliases that somebody moved were put back: {', '.join(named)}",
            body={"what": "aliases", "found": {a: current.get(a) for a in moved}, "set": wanted},
        )  # fmt: skip


def newest_proof(world: World, route: Route) -> Entry | None:
    """Return what the gateways said last; None where they never did."""
    return next(iter(world.ledger.newest(route.model, {Kind.PROOF})), None)


def confirms(answer: Serving, route: Route) -> bool:
    """Say whether a gateway serves exactly what a route says, or holds its canary back."""
    beside = route.beside
    share = beside.share if beside else 0.0
    if answer.lapsed or answer.cut:
        share = 0.0  # it follows the route: a tick brings the share back, or the release
    return (answer.epoch, answer.champion_digest, answer.beside_digest, answer.share) == (
        route.epoch,
        route.champion.digest,
        beside.version.digest if beside else "",
        share,
    )


def unlike(answer: Serving, route: Route) -> str:
    """Say what a gateway serves that does not confirm a route."""
    said, beside = f"gateway {answer.url} serves epoch {answer.epoch}", route.beside
    if answer.epoch != route.epoch:
        return said
    if beside is not None and not answer.beside_digest:
        return f"{said} without version {beside.version.number}"
    return f"{said} otherwise than the ledger"


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
