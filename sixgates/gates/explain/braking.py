"""What the governor lets the pipeline do by itself, in words."""

from sixgates.gates.explain.spans import span
from sixgates.gates.policy import GovernorPolicy


def braking(policy: GovernorPolicy) -> tuple[str, ...]:
    """Say what keeps runs from beginning and releases from moving up."""
    frozen = ", ".join(policy.freeze)
    lines = [
        (
            f"After a rollback nothing automatic begins or moves up for {span(policy.hold)}, unless"
            " a person acknowledges it; rollback and expiry are never held."
        ),
        (
            f"Automatic runs begin at least {span(policy.cooldown)} apart and no more than"
            f" {policy.runs_a_day} times in 24 hours."
        ),
        (
            f"After {policy.refusals} refused in a row they pause for {span(policy.pause)}, unless"
            " a person acknowledges it."
        ),
        (
            f"Frozen, in UTC: {frozen}. Then no automatic run begins and no release moves up."
            if frozen
            else "No time is frozen."
        ),
        f"A notice is written when nobody answered an alert for {span(policy.answer_within)}.",
    ]
    if policy.retrain_every is not None:
        lines.append(f"So it is when no run began for {span(policy.retrain_every)}.")
    return tuple(lines)
