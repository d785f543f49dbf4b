"""What a person decides, and what happens where nobody does, in words."""

from sixgates.gates.explain.spans import percent, span
from sixgates.gates.policy import Policies


def people(policies: Policies) -> tuple[str, ...]:
    """Say when a person is asked, and what a newer run and harm lead to."""
    frozen = policies.canary.on_harm == "freeze"
    replaces = policies.governor.newer == "replace"
    return (
        *_approval(policies),
        (
            "When harm is shown the share stays as it is and a person is told; 100 times as much"
            " evidence of harm rolls back all the same (canary.on_harm)."
            if frozen
            else "When harm is shown the challenger is rolled back, without asking"
            " (canary.on_harm)."
        ),
        (
            "A run that is asked for while a challenger is tried ends that release and begins; a"
            " promoted model is not replaced so (governor.newer)."
            if replaces
            else "A run that is asked for while a release is under way is answered 'busy'"
            " (governor.newer)."
        ),
    )


def _approval(policies: Policies) -> tuple[str, ...]:
    approval = policies.approval
    if approval.need == "off":
        return ("What passes gate 5 is promoted without asking anybody (approval.need).",)
    which = (
        "Every challenger that passes gate 5 waits for a person."
        if approval.need == "required"
        else "A challenger that passes gate 5 waits for a person where the upper bound of gate 4"
        f" lies above {percent(approval.risk)} of its margin, or is not known."
    )
    return (
        which,
        f"Without an answer within {span(approval.expires)} it expires, and the champion stays.",
    )
