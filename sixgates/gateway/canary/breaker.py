"""When a canary is cut off at once, without asking anybody: it fails, or it stalls.

The statistics of gate 5 find any harm, with known error rates, at the next tick. This finds only
what no sound model does, and cuts within one request.
"""

from collections.abc import Sequence
from typing import NamedTuple

LAST = 20
"""So many answers are looked back on: a fault shows at once, and one long ago is forgotten."""
FAILURES = 5
"""A quarter of them. One that always fails is cut after five requests; one that fails on a
hundredth of them is left to gate 5, for it gets there in one of 700,000 runs of twenty."""
STALLS = 3
"""Three, because one pause of the machine may hold up two answers that wait for each other. Those
that it holds up side by side count as one; see `Guard.saw`."""
STALL_SECONDS = 1.0
"""Clients give up after seconds; a row takes microseconds, gate 3 refuses 20 ms."""
STALL_SECONDS_A_ROW = 0.001
"""Of many rows at once: ten times what the slowest model in use takes."""


class CanaryAnswer(NamedTuple):
    """What the canary did with its rows of one request."""

    failed: bool
    """Whether it could not answer some row."""
    stalled: bool


def answer_of(rows: int, failed: int, seconds: float) -> CanaryAnswer:
    """Return what the canary did with its rows of one request, and in which time.

    A request counts once however many rows it has: one with bad input is one failure.
    """
    limit = max(STALL_SECONDS, STALL_SECONDS_A_ROW * rows)
    return CanaryAnswer(failed > 0, seconds > limit)


class Trip(NamedTuple):
    """Why a canary was cut off."""

    reason: str
    seen: int
    """Failures, or stalls."""
    limit: int
    """So many of them are enough."""
    n: int
    """Answers that were looked back on."""


def trip(last: Sequence[CanaryAnswer]) -> Trip | None:
    """Return why a canary with these last answers, `LAST` at most, is cut off; None if it is not.

    >>> trip([CanaryAnswer(failed=True, stalled=False)] * 5).reason
    'it failed in 5 of its last 5 answers'
    >>> trip([CanaryAnswer(failed=True, stalled=False)] * 4)
    """
    failures = sum(answer.failed for answer in last)
    stalls = sum(answer.stalled for answer in last)
    n = len(last)
    if failures >= FAILURES:
        reason = f"it failed in {failures} of its last {n} answers"
        return Trip(reason, failures, FAILURES, n)
    if stalls >= STALLS:
        reason = f"it took over {STALL_SECONDS:g} s for {stalls} of its last {n} answers"
        return Trip(reason, stalls, STALLS, n)
    return None
