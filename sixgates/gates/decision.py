"""What a tick may do with a release once a gate has spoken."""

from dataclasses import dataclass
from enum import StrEnum

from sixgates.gates.verdict import Verdict


class Move(StrEnum):
    """The next move of an open release."""

    HOLD = "hold"
    ADVANCE = "advance"
    """To the next share."""
    PROMOTE = "promote"
    CONFIRM = "confirm"
    ROLL_BACK = "roll_back"
    EXPIRE = "expire"
    """The deadline passed without enough evidence: the champion stays."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and the move that follows from it."""

    verdict: Verdict
    move: Move
    reason: str
