"""What the watch compares the present with: stored with each model, kept while it lives."""

from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.drift.expected_loss import LossEstimator
from sixgates.gates.drift.look import Look
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.profile.counts import Profile


@dataclass(frozen=True, slots=True)
class Reference:
    """The data a model was made from, as the watch needs it."""

    profile: Profile
    """Of the inputs."""
    answers: Profile
    """Of the model's answers to rows that training never saw."""
    looks: tuple[Look, ...]
    """Each window of the data, oldest first; answers only where training never saw its rows."""
    sample: tuple[tuple[float | None, ...], ...]
    """Some encoded rows from all windows, without the calendar's columns; None for NaN."""
    calendar: tuple[str, ...]
    """Features that say when a row came, and so nothing of drift."""
    estimator: LossEstimator
    holdout_loss: float
    """Mean loss on the holdout, in units of the loss."""
    until: datetime
    """Event time of the newest row, naive UTC."""


def comparable(policy: WatchPolicy, reference: Reference) -> WatchPolicy:
    """Return a policy whose windows are no shorter than those of a reference.

    By the rows of a day, every hour is a feed that broke down, and its counts wobble too much.
    """
    if not reference.looks:
        return policy
    training = reference.looks[-1].inputs
    return policy.model_copy(update={"window": max(policy.window, training.end - training.start)})
