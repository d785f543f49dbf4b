"""Gate 2: did training end as it should, with a model that knows more than the base rate?"""

from dataclasses import dataclass

from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, at_most, number


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
