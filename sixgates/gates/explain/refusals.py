"""What each gate would refuse, in words, from its limits."""

from collections.abc import Iterator, Sequence

from sixgates.gates.card import Task
from sixgates.gates.data.hindsight import MAX_JUMP
from sixgates.gates.data.label_delay import MAX_LATE
from sixgates.gates.data.order import MAX_BACKWARDS
from sixgates.gates.data.periods import RECENT
from sixgates.gates.early import FEWEST_ANSWERS
from sixgates.gates.explain.spans import percent
from sixgates.gates.policy import ValidationPolicy
from sixgates.gates.project import Project
from sixgates.gates.verdict import number


def refusals(project: Project) -> tuple[str, ...]:
    """Return one sentence for each gate, in their order."""
    return (
        f"Gate 1, validate: {_listed(_validate(project))}.",
        f"Gate 2, retrain: {_listed(_retrain(project))}.",
        f"Gate 3, evaluate: {_listed(_evaluate(project))}.",
        f"Gate 4, compare: {_listed(_compare(project))}.",
        f"Gate 5, canary: {_listed(_canary(project))}.",
        f"Gate 6, monitor: {_listed(_monitor(project))}.",
    )


def _validate(project: Project) -> list[str]:
    policy = project.policies.validation
    found = [
        "a missing or wrongly typed column",
        f"fewer than {policy.min_rows:,} accepted rows with known labels",
        f"more than {percent(policy.max_quarantined_share)} of rows that break a rule",
        f"a feature with more than {percent(policy.max_null_share)} of nulls",
    ]
    if policy.max_age is not None:
        found.append(f"no row younger than {policy.max_age}")
    return [*found, *_feed(policy), *_knowledge(project)]


def _feed(policy: ValidationPolicy) -> Iterator[str]:
    """Say what is refused of the newest periods."""
    yield f"over {percent(MAX_BACKWARDS)} of new rows out of order in a source that keeps it"
    if policy.max_volume_ratio is not None:
        yield (
            f"one of the newest {RECENT} periods whose rows are more than"
            f" {number(policy.max_volume_ratio)} times off the usual number"
        )
    if policy.max_repeat_rise is not None:
        yield (
            f"a share of repeated rows or keys more than {percent(policy.max_repeat_rise)} above"
            " the largest before"
        )
    if policy.max_label_odds is not None:
        yield f"labels whose odds are {number(policy.max_label_odds)} times off"


def _knowledge(project: Project) -> Iterator[str]:
    """Say what is refused because the model could not know it in service."""
    policy = project.policies.validation
    if project.roles.label_time is not None:
        yield f"a class of which over {percent(MAX_LATE)} is known later than the rest"
    if policy.max_explained is not None:
        yield (
            f"a feature that alone explains more than {percent(policy.max_explained)} of the label"
        )
    yield f"a feature of which over {percent(MAX_JUMP)} is filled in when the label comes"
    if policy.max_skew is not None:
        yield (
            f"more than {percent(policy.max_skew)} of stored rows to which the champion answered"
            " otherwise in service"
        )


def _retrain(project: Project) -> list[str]:
    policy = project.policies.training
    return [
        "a model that does not beat the base rate on the validation rows",
        (
            f"training that takes more than {number(policy.max_seconds)} s"
            f" or {number(policy.max_memory_mb)} MB"
        ),
    ]


def _evaluate(project: Project) -> list[str]:
    policy, loss = project.policies.evaluation, project.loss
    found = [f"a holdout of fewer than {policy.min_rows:,} rows"]
    if policy.max_loss is not None:
        found.append(f"a {loss} whose upper bound lies above {number(policy.max_loss)}")
    if policy.max_loss_over_base is not None:
        found.append(
            f"a {loss} whose upper bound lies above {number(policy.max_loss_over_base)} times the"
            f" base rate's"
        )
    if policy.max_loss is None and policy.max_loss_over_base is None:
        found.append("every model, because no limit on the loss is set")
    if policy.max_segment_loss_over_base is not None and project.roles.segments:
        found.append(
            f"a segment of {policy.min_segment_rows:,} rows or more where it lies above"
            f" {number(policy.max_segment_loss_over_base)} times the base rate's"
        )
    if policy.max_calibration_error is not None and project.task is not Task.REGRESSION:
        found.append(
            f"probabilities that may be off by more than {number(policy.max_calibration_error)}"
        )
    if policy.max_latency_ms is not None:
        found.append(f"more than {number(policy.max_latency_ms)} ms to score a row")
    if policy.max_size_mb is not None:
        found.append(f"a model text of more than {number(policy.max_size_mb)} MB")
    return found


def _compare(project: Project) -> list[str]:
    policy = project.policies.comparison
    clusters = "periods" if project.roles.entity is None else "entities"
    found = [
        (
            f"a challenger not shown to be less than {number(policy.margin)} worse in"
            f" {project.loss} than the champion"
        ),
        f"a holdout of fewer than {policy.min_clusters} {clusters}",
    ]
    if project.roles.segments:
        found.append("a segment that got worse by more than the margin")
    if policy.cold_start == "refuse":
        found.append("the first model, because comparison.cold_start is 'refuse'")
    return found


def _canary(project: Project) -> list[str]:
    policy = project.policies.canary
    found = {
        "server errors": f"{percent(policy.error_margin)} more server errors",
        "slow answers": (
            f"{percent(policy.slow_margin)} more answers slower than {number(policy.slow_ms)} ms"
        ),
    }
    if policy.prediction_margin is not None:
        found["predictions"] = (
            f"clearly more than {percent(policy.prediction_margin)} more answers outside the middle"
            f" 98 % of the champion's own, or fewer than {FEWEST_ANSWERS} of those before the split"
        )
    if policy.early_ratio is not None:
        found["early errors"] = (
            f"clearly more than {number(policy.early_ratio)} times the champion's large losses"
            f" among the labels that come early"
        )
    return [
        f"a loss {number(policy.margin)} above the champion's",
        *_unmuted(found, policy.muted),
        "a split that does not hold its shares",
    ]


def _monitor(project: Project) -> list[str]:
    policy = project.policies.monitor
    found = {
        "server errors": "more server errors than in the hold-back",
        "slow answers": f"more answers slower than {number(policy.slow_ms)} ms than there",
    }
    if policy.prediction_margin is not None:
        found["predictions"] = (
            "more answers outside the middle 98 % of the previous champion's own than there"
        )
    return [*_unmuted(found, policy.muted), "a loss above the previous champion's"]


def _unmuted(found: dict[str, str], muted: Sequence[str]) -> list[str]:
    return [words for name, words in found.items() if name not in muted]


def _listed(items: list[str]) -> str:
    return "; ".join(items)
