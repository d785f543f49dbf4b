"""Is the model small and quick enough to serve? Judged on the artifact that would serve."""

from dataclasses import dataclass

from sixgates.gates.policy import EvaluationPolicy
from sixgates.gates.verdict import Check, at_most


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the stored model costs to hold and to ask."""

    latency_ms: float
    """Median time of scoring a single holdout row, in milliseconds."""
    size_mb: float
    """Size of its text in megabytes of 2^20 bytes."""
    n: int
    """Single rows that were timed."""


def judge_footprint(footprint: Footprint | None, policy: EvaluationPolicy) -> list[Check]:
    """Hold latency and size against their limits; not measured is refused, no limit is no check."""
    measured = (
        ("single-row latency in ms", "latency_ms", policy.max_latency_ms),
        ("model size in MB", "size_mb", policy.max_size_mb),
    )
    n = footprint.n if footprint else 0
    return [
        at_most(name, getattr(footprint, field, None), limit, n)
        for name, field, limit in measured
        if limit is not None
    ]
