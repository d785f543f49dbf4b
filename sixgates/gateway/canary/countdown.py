"""How long a canary may go on answering without news from a tick, by the gateway's own clock.

Ticks renew a lease in the ledger. The gateway asks how much time is left and counts it down on its
monotonic clock, so that the canary also stops when the ledger no longer answers, and a wall clock
that is set back cannot prolong anything: as long as it is the same renewal, the end only comes
nearer.
"""

from dataclasses import dataclass
from datetime import datetime

from sixgates.ledger.leases import Lease


@dataclass(frozen=True, slots=True)
class Countdown:
    """The newest renewal that the gateway has seen."""

    renewal: tuple[str, datetime] | None
    """Owner and end of the lease, which a renewal changes; None where there was no lease."""
    deadline: float
    """Monotonic seconds at which the canary stops."""


def hear(before: Countdown | None, lease: Lease | None, now: float) -> Countdown:
    """Return the countdown after a look at the ledger.

    Args:
        before: The countdown until then, None where there was none. Then a lease that ran out
            earlier tells since when: the gateway itself was not there.
        lease: What the ledger says.
        now: Monotonic seconds just before the ledger was asked.
    """
    renewal = None if lease is None else (lease.owner, lease.until)
    left = 0.0 if lease is None else min(lease.left, lease.seconds)
    deadline = now + (left if before is None else max(left, 0.0))
    if before is not None and (renewal is None or renewal == before.renewal):
        deadline = min(deadline, before.deadline)
    return Countdown(renewal, deadline)
