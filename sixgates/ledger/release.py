"""The release state machine: one route and one move give the next route.

    shadow -> canary, share by share -> promoted -> confirmed

and from each of the first three to `rolled_back`, from the first two to `expired`.

Pure; the caller appends what comes out, and the ledger lets one caller win.
"""

from dataclasses import replace
from datetime import datetime

from sixgates.gates.decision import Move
from sixgates.gates.errors import ContractError
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
