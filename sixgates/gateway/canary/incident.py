"""What a gateway did to its canary by itself, as the ledger is to hold it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sixgates.gateway.canary.breaker import Trip
from sixgates.ledger.entry import Kind
from sixgates.ledger.route import Route


@dataclass(frozen=True, slots=True)
class Incident:
    """What the ledger is to be told."""

    kind: Kind
    route: Route
    """Under which it happened."""
    reason: str
    body: dict[str, Any]
    opens: bool = False
    """Whether it says that something began, which other gateways may have said already."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """A time in which a canary answers nobody, because its lease has run out."""

    route: Route
    """Under which it began."""
    lease: datetime | None
    """End of the renewal that ran out, by the ledger's clock, naive UTC; None where there was none.
    With the epoch it names the lapse, for every gateway and after a restart alike."""
    since: float
    """Monotonic seconds."""

    def begun(self, now: float) -> Incident:
        """Say that it lasts, for it may outlast the gateway."""
        since = _wall() - timedelta(seconds=now - self.since)
        reason = (
            f"the canary's lease ran out at {since:%Y-%m-%d %H:%M:%S} UTC without news of a tick:"
            " the champion answers everybody until a tick renews it"
        )
        body = {**self._name(), "from": since.isoformat(), "to": None, "requests": None}
        return Incident(Kind.LAPSE, self.route, reason, body, opens=True)

    def ended(self, now: float, requests: int) -> Incident:
        """Say how long it lasted, and how many requests this process answered meanwhile."""
        to, seconds = _wall(), now - self.since
        reason = (
            "without news of a tick the champion answered everybody in the canary's place for"
            f" {seconds:,.1f} s ({requests:,} requests)"
        )
        body = {
            **self._name(),
            "from": (to - timedelta(seconds=seconds)).isoformat(),
            "to": to.isoformat(),
            "requests": requests,
        }
        return Incident(Kind.LAPSE, self.route, reason, body)

    def _name(self) -> dict[str, Any]:
        return {"epoch": self.route.epoch, "lease": self.lease and self.lease.isoformat()}


def cut_off(route: Route, tripped: Trip) -> Incident:
    """Say that the breaker tripped under a route, and why."""
    body = {"epoch": route.epoch, **tripped._asdict()}
    return Incident(Kind.BREAKER, route, f"the canary was cut off: {tripped.reason}", body)


def _wall() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
