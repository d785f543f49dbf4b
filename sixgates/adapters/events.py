"""Telling Prefect that the world has moved, so that its automations can answer."""

from typing import Any

DRIFT_DETECTED = "sixgates.drift.detected"
"""Name of the event that a deployment's trigger waits for."""


def emit_drift_event(model: str, payload: dict[str, Any]) -> None:
    """Send one drift event about a model; numbers in the payload arrive at the flow as numbers.

    Prefect delivers it in the background and never reports a loss: the alert of record is in the
    ledger, and the watch sends the event of an unanswered alert again.
    """
    from prefect.events import emit_event

    resource = {"prefect.resource.id": f"sixgates.model.{model}", "prefect.resource.name": model}
    emit_event(event=DRIFT_DETECTED, resource=resource, payload=payload)
