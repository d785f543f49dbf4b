"""What the policies of gates 4 to 6 promise, in words."""

from sixgates.gates.canary import rollback_signals
from sixgates.gates.explain.spans import percent
from sixgates.gates.project import Project
from sixgates.gates.verdict import number


def promises(project: Project) -> tuple[str, ...]:
    """Say the margin, the error rates and the guardrails of gates 5 and 6."""
    policy, compare = project.policies.canary, project.policies.comparison
    return (
        (
            f"The margin is {number(policy.margin)}: a challenger whose mean {project.loss} lies"
            f" that much above the champion's, or more, is worse."
        ),
        (
            f"Worse by the margin, it is promoted by gate 5 with probability at most"
            f" {percent(policy.alpha)} (canary.alpha), however often one looks."
        ),
        (
            f"Exactly as good, it is rolled back by gate 5 with probability at most"
            f" {percent(policy.beta)} (canary.beta), however often one looks."
        ),
        (
            f"Gate 4 lets one pass that is worse by {number(compare.margin)} with probability about"
            f" {percent(compare.alpha)} (comparison.alpha), each time it is asked."
        ),
        "A challenger worse by less than the margin may be promoted: that is what a margin is.",
        *_guardrails(project),
        "These are rates of one release, not of many in a row.",
    )


def _guardrails(project: Project) -> tuple[str, ...]:
    """Say what besides the loss may stop a release, and what may not."""
    policy = project.policies.canary
    promoting = {
        "server errors": (policy.error_margin, "more server errors"),
        "slow answers": (policy.slow_margin, f"more answers over {number(policy.slow_ms)} ms"),
        "predictions": (
            policy.prediction_margin and 2 * policy.prediction_margin,
            "more answers outside the usual range",
        ),
    }
    needed = [
        f"less than {percent(margin)} {words}"
        for name, (margin, words) in promoting.items()
        if margin is not None and name not in policy.muted
    ]
    signals = rollback_signals(policy)
    promotion = "Nothing but the loss is needed for a promotion."
    if needed:
        shown = ", ".join(needed)
        promotion = f"A promotion also has to show, each at {percent(policy.alpha)}: {shown}."
    lines = [
        promotion,
        (
            f"A rollback goes by the mean of {len(signals)} e-values ({', '.join(signals)}): one of"
            f" them alone has to reach {number(len(signals) / policy.beta)}."
        ),
    ]
    if "early errors" in signals and policy.early_ratio is not None:
        lines.append(
            f"Early labels roll back when the canary's users have clearly more than"
            f" {number(policy.early_ratio)} times as many large losses; they promote nothing."
        )
    for gate, muted in (("5", policy.muted), ("6", project.policies.monitor.muted)):
        if muted:
            lines.append(
                f"Muted in gate {gate}: {', '.join(muted)}. That is recorded and shown, and decides"
                f" nothing."
            )
    return tuple(lines)
