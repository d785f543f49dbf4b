"""Gate 2: did training end as it should, with a model that knows more than the base rate?"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, at_most, number, numbers


@dataclass(frozen=True, slots=True)
class SinceDrift:
    """What the training rows since a drift began were worth as a window of their own."""

    since: str
    """When the drift began, as the alert says: event time, naive UTC, ISO 8601."""
    rows: int
    """Training rows since then."""
    loss: float | None
    """Mean loss on the validation rows of what learnt from these alone; None where nothing did."""
    other_rows: int
    """Training rows of the window that is taken, or would be without these."""
    other_loss: float | None
    """Mean loss of that on the same validation rows; None where there was nothing to learn."""
    taken: bool
    """Whether the model learnt from the rows since the drift alone."""
    left_out: str
    """Why they were not tried; empty where they were."""


@dataclass(frozen=True, slots=True)
class TrainingEvidence:
    """What one training run showed."""

    loss: float
    """Mean loss on the validation rows, in units of the project's loss."""
    base_loss: float
    """What the base rate of the training rows loses on the same rows."""
    n: int
    """Validation rows."""
    seconds: float
    memory_mb: float
    """Largest resident memory of the training process, in megabytes."""
    best_round: int
    rows: int = 0
    """Training rows that it learnt from; 0 in records that do not say."""
    stopped: str = ""
    """Why training was cut short, "time" or "memory"; empty where it was not."""
    drift: SinceDrift | None = None
    """None where no alert said when a drift began, or the policy does not ask for its rows."""

    def figures(self) -> dict[str, float]:
        """Return every number by its name, NaN included."""
        own = {k: v for k, v in asdict(self).items() if k not in {"stopped", "drift"}}
        of_drift = {} if self.drift is None else {
            "since_drift_rows": self.drift.rows,
            "since_drift_loss": math.nan if self.drift.loss is None else self.drift.loss,
        }  # fmt: skip
        return {name: float(value) for name, value in (own | of_drift).items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the ledger, None for what is no finite number."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild stored evidence; what was no finite number is NaN."""
        drift = stored.get("drift")
        numbers: dict[str, Any] = {
            name: math.nan if value is None else value
            for name, value in stored.items()
            if name != "drift"
        }
        return cls(**numbers, drift=None if drift is None else SinceDrift(**drift))


def judge_training(evidence: TrainingEvidence, policy: TrainingPolicy) -> Verdict:
    """Pass a model that beats the base rate, from a run that kept to its limits."""
    checks = [
        at_least("validation rows", evidence.n, 1, evidence.n),
        _beats_base(evidence),
        at_most("training seconds", evidence.seconds, policy.max_seconds, evidence.n),
        at_most("training memory in MB", evidence.memory_mb, policy.max_memory_mb, evidence.n),
    ]
    if evidence.stopped:
        limits = f"{number(policy.max_seconds)} seconds, {number(policy.max_memory_mb)} MB"
        sentence = f"training was stopped by its limit on {evidence.stopped} (limits: {limits})"
        checks.append(Check("completion", Outcome.FAIL, None, None, evidence.n, sentence))
    if evidence.drift is not None:
        checks.append(_window(evidence.drift, evidence.n))
    return Verdict.of(Gate.RETRAIN, checks)


def _beats_base(evidence: TrainingEvidence) -> Check:
    limit = at_most("validation loss", evidence.loss, evidence.base_loss, evidence.n)
    if limit.seen is None or evidence.loss != evidence.base_loss:
        return limit
    sentence = (
        f"validation loss {number(evidence.loss)} only equals that of the base rate "
        f"(n = {evidence.n:,})"
    )
    return Check(limit.name, Outcome.FAIL, limit.seen, limit.required, limit.n, sentence)


def _window(drift: SinceDrift, n: int) -> Check:
    """Say what came of the rows since the drift; which window is taken is no matter of passing."""
    outcome = Outcome.PASS if drift.taken else Outcome.INCONCLUSIVE
    name, sentence = "window since the drift", _worth(drift, n)
    return Check(name, outcome, drift.loss, drift.other_loss, n, sentence, muted=True)


def _worth(drift: SinceDrift, n: int) -> str:
    if not drift.rows:
        return f"no training row has come since the drift began ({drift.since}): {drift.left_out}"
    rows = f"the {drift.rows:,} training rows since the drift began ({drift.since})"
    if drift.left_out:
        return f"{rows} were not tried: {drift.left_out}"
    if drift.loss is None:
        return f"{rows} were not taken: there is nothing to learn from them"
    loss, other = numbers(drift.loss, drift.other_loss, unknown="nothing to learn from")
    lost = f"they lose {loss}, the newest {drift.other_rows:,} {other}"
    if drift.taken:
        return f"the model learnt from {rows} alone: {lost} (n = {n:,})"
    near = drift.other_loss is not None and drift.loss < drift.other_loss
    within = ", less by no more than a standard error" if near else ""
    return f"{rows} were not taken: {lost}{within} (n = {n:,})"
