"""What people and machines do in the middle of a scenario, each told in one line."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sixgates.ledger.route import Step


class Deed(StrEnum):
    """What is done."""

    STOP = "stop the line"
    RESUME = "let the line run again"
    APPROVE = "approve the challenger"
    REJECT = "reject the challenger"
    ROLL_BACK = "roll back by hand"
    RETRAIN = "ask for a retrain by hand"
    RESTART_GATEWAY = "restart the gateway"
    KILL_GATEWAY = "kill the gateway, and start another"
    SET_CLOCK_BACK = "set the clock back by a day, until tomorrow"
    LOSE_REGISTRY = "lose the registry"
    RESTORE_REGISTRY = "bring the registry back"
    FILL_DISK = "fill the disk of the gateway's log"
    FREE_DISK = "make room on it again"
    SPOIL_CHAMPION = "change the champion's text on disk"
    SPOIL_CHALLENGER = "change the challenger's text on disk"
    LOCK_LEDGER = "keep the ledger's database locked for a second"


@dataclass(frozen=True, slots=True)
class Act:
    """One deed, at the end of a day: after its traffic, before the pipeline looks."""

    deed: Deed
    on: int | Step
    """A day of the world, or the day after a release is first seen in a step."""
    after: int = 0
    """So many days later."""

    def is_due(self, day: int, seen: dict[Step, int]) -> bool:
        """Whether this is its day.

        Args:
            day: Of the world.
            seen: On which day a release was first in a step at the end of it.

        >>> Act(Deed.STOP, Step.CANARY, after=2).is_due(13, {Step.CANARY: 10})
        True
        >>> Act(Deed.STOP, Step.CANARY).is_due(13, {})
        False
        """
        if isinstance(self.on, Step):
            return self.on in seen and day == seen[self.on] + 1 + self.after
        return day == self.on + self.after


@dataclass(frozen=True, slots=True)
class Change:
    """From a day on the project is another: a new trainer, another policy."""

    on: int
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """As those of a `Scenario`, in addition to them."""
