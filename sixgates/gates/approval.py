"""Approval: must a person say yes before a challenger becomes champion, and what did they say?

A challenger that passed gate 5 and waits for a person stays at its share, and gate 5 goes on
judging it: a rollback and an expiry are never held. Nobody's answer is a no. Pure: what the ledger
holds comes in as values.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sixgates.gates.decision import Decision, Move
from sixgates.gates.policy import ApprovalPolicy
from sixgates.gates.verdict import Outcome, Verdict, number, numbers

RISK_CHECK = "loss difference"
"""The check of gate 4 whose seen value is the upper bound of the loss difference."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to exactly the challenger, share and release that are judged."""

    by: str
    reason: str
    override: str = ""
    """Why it holds although gate 5 has not decided; empty where it waits for gate 5 to pass."""


class Ruled(NamedTuple):
    """What follows from a decision of gate 5 once people have been heard."""

    decision: Decision
    ask: str = ""
    """Why a person must be asked now, with no question on record yet; empty where not."""


def person_needed(policy: ApprovalPolicy, compared: Verdict | None) -> str:
    """Say why a promotion needs a person; empty where it does not.

    Args:
        policy: Whether and when.
        compared: The stored verdict of gate 4; None where there is none. Of it "above-risk" holds
            the upper bound of the loss difference against `risk` times the margin of that time.
            The canary has no such bound in every case, and gate 4 always has.

    >>> person_needed(ApprovalPolicy(need="required"), None)
    "approval.need is 'required'"
    """
    if policy.need == "off":
        return ""
    if policy.need == "required":
        return "approval.need is 'required'"
    checks = compared.checks if compared is not None else ()
    known = next((c for c in checks if c.name == RISK_CHECK), None)
    if known is None or known.seen is None or known.required is None:
        return "the risk cannot be told: gate 4 stored no upper bound of the loss difference"
    limit = policy.risk * known.required
    if not (math.isfinite(known.seen) and math.isfinite(limit)):
        return "the risk cannot be told: the bound of the loss difference is not a number"
    if known.seen <= limit:
        return ""
    seen, most = numbers(known.seen, limit)
    return (
        f"by gate 4 the loss may differ by {seen}, more than {most}"
        f" (approval.risk {number(policy.risk)} times the margin {number(known.required)})"
    )


def rule(
    decision: Decision,
    *,
    need: str,
    approval: Approval | None,
    asked_until: datetime | None,
    now: datetime,
) -> Ruled:
    """Say what follows from a decision of gate 5.

    Args:
        decision: What gate 5 says now of a challenger in its share.
        need: Why a person is needed, see `person_needed`; empty where none is.
        approval: Of this release, epoch and digest; None where nobody gave one.
        asked_until: Event time until which a person may answer the question about the same, naive
            UTC; None where nobody was asked.
        now: Event time, naive UTC.
    """
    if decision.move in {Move.ROLL_BACK, Move.EXPIRE}:
        return Ruled(decision)
    if approval is not None:
        return Ruled(_approved(decision, approval))
    if not need:
        return Ruled(decision)
    if asked_until is not None and now >= asked_until:
        unanswered = f"nobody approved it by {asked_until:%Y-%m-%d %H:%M} UTC, so the answer is no"
        return Ruled(replace(decision, move=Move.EXPIRE, reason=unanswered))
    if decision.move is not Move.PROMOTE:
        return Ruled(decision)
    waiting = replace(decision, move=Move.HOLD, reason=f"waits for a person: {need}")
    return Ruled(waiting, ask="" if asked_until is not None else need)


def _approved(decision: Decision, approval: Approval) -> Decision:
    """Carry out an approval where gate 5 passes, or before it decides where that was said."""
    if decision.move is Move.PROMOTE:
        reason = f"approved by {approval.by} ({approval.reason or approval.override}): "
        return replace(decision, reason=reason + decision.reason)
    if approval.override and decision.verdict.outcome is not Outcome.FAIL:
        reason = f"approved by {approval.by} before gate 5 decided ({approval.override}): "
        return replace(decision, move=Move.PROMOTE, reason=reason + decision.reason)
    return decision
