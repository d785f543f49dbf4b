"""The release state machine: one route and one move give the next route.

    shadow -> canary, share by share -> promoted -> confirmed

and from each of the first three to `rolled_back`, from the first two to `expired` and `superseded`.

Pure; the caller appends what comes out, and the ledger lets one caller win.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from sixgates.gates.decision import Move
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.records import Arm
from sixgates.ledger.route import Beside, Route, Step, Version

UNDECIDED = frozenset({Step.SHADOW, Step.CANARY})
"""Steps in which a challenger is tried, and the champion is still the one from before."""


class Former(NamedTuple):
    """A champion to which one may return by hand."""

    version: Version
    since: datetime
    """Event time at which it became champion last, naive UTC."""
    rolled_back: bool
    """Whether it was ever rolled back itself: then it has to be named."""


def first_route(
    model: str, challenger: Version, *, release: str, at: datetime, actor: str, reason: str
) -> Route:
    """Serve the first model of a project."""
    return Route(model, 1, Step.COLD_START, challenger, None, release, at, actor, reason)


def open_release(
    current: Route, challenger: Version, *, release: str, at: datetime, actor: str, reason: str
) -> Route:
    """Put a challenger in shadow beside the champion.

    Raises:
        ContractError: a release of this model is already under way.
    """
    if current.is_open:
        raise ContractError(
            f"release {current.release} of {current.model} is under way ({current.step}):"
            " a new challenger waits until it ends"
        )
    return Route(
        current.model, current.epoch + 1, Step.SHADOW, current.champion,
        Beside(challenger, Arm.CANARY, 0.0), release, at, actor, reason,
    )  # fmt: skip


def next_route(
    current: Route,
    move: Move,
    *,
    shares: tuple[float, ...],
    holdback: float,
    at: datetime,
    actor: str,
    reason: str,
) -> Route | None:
    """Return the route that a move leads to, or None when nothing changes.

    Args:
        current: The newest route; must be open unless the move is HOLD.
        move: What the gate decided.
        shares: The planned canary shares, growing.
        holdback: Share that the previous champion keeps after a promotion.
        at: Event time of the change.
        actor: Who or what made it.
        reason: Why, for the ledger.
    """
    if move is Move.HOLD:
        return None
    beside = current.beside
    if not current.is_open or beside is None:
        raise ContractError(f"{current.model} has no open release to {move} (step {current.step})")
    step, champion, beside = _after(current, beside, move, shares, holdback)
    return replace(
        current, epoch=current.epoch + 1, step=step, champion=champion, beside=beside,
        at=at, actor=actor, reason=reason,
    )  # fmt: skip


def return_by_hand(
    routes: Sequence[Route], to: str | None, *, at: datetime, actor: str, reason: str
) -> Route:
    """Return to a former champion at once, whatever is under way.

    Args:
        routes: Every route of the model, oldest first; at least one.
        to: Version to return to. None stays with the champion while a challenger is tried, and
            else takes the newest earlier champion that was not itself rolled back.
        at: Event time.
        actor: Who asked.
        reason: Why, for the ledger.

    Raises:
        ConfigurationError: the version never served, or there is none to return to.
    """
    current, former = routes[-1], {r.champion.number: r.champion for r in routes}
    target = to or _default_target(routes)
    if target not in former:
        raise ConfigurationError(
            f"version {target} never served {current.model}: choose one of"
            f" {', '.join(former)} with --to"
        )
    back = replace(current, champion=former[target])
    return _alone(back, Step.ROLLED_BACK, at=at, actor=actor, reason=reason)


def rejected_by(current: Route, person: str, *, at: datetime, reason: str) -> Route:
    """End the release of a challenger that a person does not want.

    Raises:
        ConfigurationError: no challenger is tried; the message says what can be done instead.
    """
    model, number = current.model, current.champion.number
    if current.step is Step.PROMOTED:
        raise ConfigurationError(
            f"version {number} of {model} is champion already: `sixgates rollback --project"
            f" {model} --reason ...` puts the former one back"
        )
    if current.step not in UNDECIDED:
        raise ConfigurationError(
            f"no challenger of {model} is tried (step {current.step}): there is nothing to reject"
        )
    return _alone(
        current, Step.ROLLED_BACK, at=at, actor=f"by {person}", reason=f"rejected: {reason}"
    )


def superseded_by(current: Route, run: str, *, at: datetime) -> Route:
    """End the release of a challenger that is not decided, because a newer run begins.

    Raises:
        ContractError: there is no such challenger; one that was promoted is never superseded.
    """
    if current.step not in UNDECIDED:
        raise ContractError(
            f"{current.model} has no undecided release for run {run} to supersede"
            f" (step {current.step})"
        )
    return _alone(
        current, Step.SUPERSEDED, at=at, actor="sixgates", reason=f"superseded by run {run}"
    )


def former_champions(routes: Sequence[Route]) -> list[Former]:
    """Return every champion but the present one, the newest first.

    Args:
        routes: Every route of a model, oldest first.
    """
    deposed, reigns = _deposed(routes), dict[str, Former]()
    for before, route in pairwise([None, *routes]):
        if route is not None and (before is None or before.champion != route.champion):
            number = route.champion.number
            reigns.pop(number, None)  # so that the order is that of the newest reigns
            reigns[number] = Former(route.champion, route.at, number in deposed)
    if routes:
        reigns.pop(routes[-1].champion.number)
    return list(reversed(reigns.values()))


def _alone(current: Route, step: Step, *, at: datetime, actor: str, reason: str) -> Route:
    return replace(
        current, epoch=current.epoch + 1, step=step, beside=None, at=at, actor=actor, reason=reason
    )


def _deposed(routes: Sequence[Route]) -> set[str]:
    """Return the champions that a rollback ended."""
    return {
        before.champion.number
        for before, after in pairwise(routes)
        if after.step is Step.ROLLED_BACK and after.champion != before.champion
    }


def _default_target(routes: Sequence[Route]) -> str:
    current = routes[-1]
    if current.step in UNDECIDED:
        return current.champion.number
    taken = _deposed(routes) | {current.champion.number}
    for route in reversed(routes):
        if route.champion.number not in taken:
            return route.champion.number
    raise ConfigurationError(
        f"{current.model} has had no champion but version {current.champion.number} that was not"
        " rolled back: there is nothing to roll back to, unless --to names it"
    )


def _after(
    current: Route, beside: Beside, move: Move, shares: tuple[float, ...], holdback: float
) -> tuple[Step, Version, Beside | None]:
    share = next_share(current, shares)
    match current.step, move:
        case Step.PROMOTED, Move.CONFIRM:
            return Step.CONFIRMED, current.champion, None
        case Step.PROMOTED, Move.ROLL_BACK:
            return Step.ROLLED_BACK, beside.version, None
        case ((Step.SHADOW | Step.CANARY), Move.ROLL_BACK):
            return Step.ROLLED_BACK, current.champion, None
        case ((Step.SHADOW | Step.CANARY), Move.EXPIRE):
            return Step.EXPIRED, current.champion, None
        case ((Step.SHADOW | Step.CANARY), Move.ADVANCE) if share is not None:
            return Step.CANARY, current.champion, replace(beside, share=share)
        case Step.CANARY, Move.PROMOTE:
            previous = Beside(current.champion, Arm.HOLDBACK, holdback)
            return Step.PROMOTED, beside.version, previous
    raise ContractError(f"a release in step {current.step} cannot {move}")


def next_share(current: Route, shares: tuple[float, ...]) -> float | None:
    """Return the smallest planned share above the present one, or None at the last."""
    present = current.beside.share if current.beside else 0.0
    return next((share for share in shares if share > present), None)
