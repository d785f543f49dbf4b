"""One thing that happened, as a value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an entry records."""

    ALERT = "alert"
    """The watch asks for a retrain; its body says what moved."""
    RUN = "run"
    """A retrain began; its body names trigger and data."""
    VERDICT = "verdict"
    """What a gate found; its body holds every check."""
    ANSWER = "answer"
    """How a run ended; answers the alert named in its body."""
    RELEASE = "release"
    """A release opened: its stages and what it was judged on."""
    PROOF = "proof"
    """What the gateways said they serve, read back after a change of route."""
    INTENT = "intent"
    """An effect outside the ledger is about to be caused; its body names the action."""
    CLOSED = "closed"
    """What became of the intent named in its body."""
    NOTIFICATION = "notification"
    """An outcome was, or could not be, told to people; its body names the outcome and channels."""
    HELD = "held"
    """The governor kept a release from moving up; its body names the epoch, the move and until."""
    STOPPED = "stopped"
    """A person stopped the line."""
    RESUMED = "resumed"
    """A person let the line run again."""
    ACKNOWLEDGED = "acknowledged"
    """A person looked at the rollbacks up to the epoch in its body, and at the refusals so far."""
    ASKED = "asked"
    """A challenger that passed gate 5 waits for a person; its body is the evidence, and until."""
    APPROVED = "approved"
    """A person approved the challenger of the release, epoch and digest in its body."""
    LAPSE = "lapse"
    """A gateway let the canary's share fall to zero, because nobody renewed its lease in time."""
    BREAKER = "breaker"
    """A gateway cut the canary off at once, because it failed or stalled."""
    UNLOGGED = "unlogged"
    """A gateway gave answers that it could not log; its body says how many more."""
    RECOVERED = "recovered"
    """What a crash or a stranger's hand left was put right; its body says what."""
    NOTICE = "notice"
    """Something that should have happened did not; its body names the case."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    seq: int
    model: str
    kind: Kind
    release: str
    """Run or release it belongs to; empty where none."""
    at: datetime
    """Event time, naive UTC."""
    recorded: datetime
    """Wall clock, naive UTC."""
    actor: str
    reason: str
    body: dict[str, Any]
