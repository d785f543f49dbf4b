"""The release state machine: one route and one move give the next route.

    shadow -> canary, share by share -> promoted -> confirmed

and from each of the first three to `rolled_back`, from the first two to `expired`.

Pure; the caller appends what comes out, and the ledger lets one caller win.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from sixgates.gates.decision import Move
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.records import Arm
from sixgates.ledger.route import Beside, Route, Step, Version


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
    return replace(
        current, epoch=current.epoch + 1, step=Step.ROLLED_BACK, champion=former[target],
        beside=None, at=at, actor=actor, reason=reason,
    )  # fmt: skip


def _default_target(routes: Sequence[Route]) -> str:
    current = routes[-1]
    if current.step in {Step.SHADOW, Step.CANARY}:
        return current.champion.number
    deposed = {
        before.champion.number
        for before, after in pairwise(routes)
        if after.step is Step.ROLLED_BACK and after.champion != before.champion
    }
    for route in reversed(routes):
        if route.champion.number not in deposed | {current.champion.number}:
            return route.champion.number
    raise ConfigurationError(
        f"{current.model} has had no other champion than version {current.champion.number}"
        " that was not rolled back: name a version with --to"
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
