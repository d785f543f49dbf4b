"""Who serves what: one immutable route, and how it came to be.

A release moves by appending routes. The newest epoch of a model is the truth; gateways, MLflow
aliases and everything else follow it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sixgates.gates.records import Arm


class Step(StrEnum):
    """What brought a route about, and with it the phase the release is in."""

    COLD_START = "cold_start"
    """The first model of a project, served by its cold-start policy."""
    SHADOW = "shadow"
    """The challenger scores every request, and answers none."""
    CANARY = "canary"
    """The challenger answers a share."""
    PROMOTED = "promoted"
    """The challenger is champion; the previous one keeps a hold-back and shadows the rest."""
    CONFIRMED = "confirmed"
    """The watch after promotion is over."""
    ROLLED_BACK = "rolled_back"
    """The former champion serves alone again."""
    EXPIRED = "expired"
    """Not enough evidence, or no answer of a person, in time: the champion stayed."""
    SUPERSEDED = "superseded"
    """A newer run took the challenger's place before it was decided: the champion stayed."""


OPEN_STEPS = frozenset({Step.SHADOW, Step.CANARY, Step.PROMOTED})
"""Steps after which a release is still moving."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model version."""

    number: str
    """Version in the registry."""
    digest: str
    """SHA-256 of its text: the name of its file in the model store."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The model that runs beside the champion."""

    version: Version
    arm: Arm
    """CANARY before promotion, HOLDBACK after it."""
    share: float
    """Share of units it answers, 0 to 0.5; 0 while it only shadows."""


@dataclass(frozen=True, slots=True)
class Route:
    """One epoch of one model."""

    model: str
    epoch: int
    step: Step
    champion: Version
    beside: Beside | None
    """Shadows every request that it does not answer itself."""
    release: str
    """Identifier of the release; also the salt of the split."""
    at: datetime
    """Event time, naive UTC."""
    actor: str
    reason: str

    @property
    def is_open(self) -> bool:
        """Whether a release is under way."""
        return self.step in OPEN_STEPS
