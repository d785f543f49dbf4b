"""Put on record what happened to the canary while nobody could be asked."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from sixgates.gates.errors import PipelineError
from sixgates.gateway.canary.guard import Guard
from sixgates.gateway.canary.incident import Incident
from sixgates.ledger.ledger import Ledger

_logger = logging.getLogger(__name__)


def tell(ledger: Ledger, guard: Guard, url: str) -> None:
    """Record what the ledger has not been told yet, as far as it takes it; never raises.

    Entries bear the event time of their route: a gateway knows wall times alone, which stand in
    the body.
    """
    with guard.telling:
        while guard.incidents:
            incident = guard.incidents[0]
            try:
                if not (incident.opens and _on_record(ledger, incident)):
                    _append(ledger, incident, url)
            except (PipelineError, SQLAlchemyError) as exc:
                _logger.warning("the ledger is not told yet that %s: %s", incident.reason, exc)
                return
            guard.incidents.popleft()


def _append(ledger: Ledger, incident: Incident, url: str) -> None:
    route = incident.route
    ledger.append(
        route.model, incident.kind, at=route.at, release=route.release, actor=url,
        reason=incident.reason, body=incident.body,
    )  # fmt: skip


def _on_record(ledger: Ledger, incident: Incident) -> bool:
    """Whether another gateway, or this one before it was killed, has said that it began."""
    route, own = incident.route, incident.body
    said = ledger.entries(route.model, kind=incident.kind, release=route.release)
    return any((e.body["epoch"], e.body.get("lease")) == (own["epoch"], own["lease"]) for e in said)
