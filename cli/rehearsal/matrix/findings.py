"""What came of plays: how many there were, what failed, and what was violated."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from cli.rehearsal.matrix.whole import KINDS


@dataclass(slots=True)
class Findings:
    """What came of the plays of one process; findings of several add up."""

    points: int = 0
    """Different places at which a walk was killed or disturbed."""
    plays: int = 0
    requests: int = 0
    """Sent by clients meanwhile."""
    failures: list[str] = field(default_factory=list)
    """Of these, those without an answer, each with the place."""
    effects: Counter[str] = field(default_factory=Counter)
    """Effect to how often a walk was killed around it."""
    violations: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    """Kind to sentences, each with the place."""

    def take(self, other: dict[str, Any]) -> None:
        """Add findings of another process, as `asdict` gave them."""
        self.points += other["points"]
        self.plays += other["plays"]
        self.requests += other["requests"]
        self.failures += other["failures"]
        self.effects.update(other["effects"])
        for kind, sentences in other["violations"].items():
            self.violations[kind] += sentences

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "effects": dict(self.effects)}  # asdict breaks a Counter
