"""What the watch compares the present with: stored with each model, kept while it lives."""

from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.profile.counts import Profile


@dataclass(frozen=True, slots=True)
class Reference:
    """The data a model was made from, as the watch needs it."""

    profile: Profile
    past_windows: tuple[float, ...]
    """Largest population stability index of each past window against the profile."""
    holdout_loss: float
    """Mean loss on the holdout, in units of the loss."""
    until: datetime
    """Event time of the newest row."""
