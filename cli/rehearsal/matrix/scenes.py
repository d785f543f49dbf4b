"""What may be killed: each walk of the pipeline, and the state from which it starts."""

from dataclasses import dataclass

from cli.rehearsal.matrix import states


@dataclass(frozen=True, slots=True)
class Scene:
    """One walk, from one state."""

    name: str
    state: str
    act: str
    """What the walk is asked to do; see `cli.rehearsal.matrix.walker.ACTS`."""
    spoilt: bool = False
    """Whether the data are such that no gate lets a model of theirs pass."""
    is_rollback: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether a person does it, who sees at once that it came to no end."""
        return self.act == "rollback"


RETRAIN = Scene("retrain", states.SERVED, "retrain")
CANARY = Scene("canary", states.SHADOWED, "tick")
PROMOTION = Scene("promotion", states.JUDGED, "tick")
ROLLBACK = Scene("rollback by gate 5", states.HARMED, "tick", is_rollback=True)
BY_HAND = Scene("rollback by hand", states.PROMOTED, "rollback", is_rollback=True)

SCENES = (
    RETRAIN,
    Scene("first model", states.EMPTY, "retrain"),
    Scene("refusal", states.SERVED, "retrain", spoilt=True),
    CANARY,
    PROMOTION,
    ROLLBACK,
    Scene("expiry", states.LATE, "tick"),
    BY_HAND,
    Scene("confirmation", states.WATCHED, "tick"),
    Scene("rollback by gate 6", states.REGRETTED, "tick"),
)
"""Every walk that there is."""
MET_BY_FAULTS = (RETRAIN, CANARY, PROMOTION, ROLLBACK, BY_HAND)
"""Walks that meet the other faults too."""
