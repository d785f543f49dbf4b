"""State hooks: they notify and hasten; they carry nothing. A kill -9 runs none of them."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.known_model import project_or_model
from sixgates.adapters.notifications import tell_people, tell_unrecorded
from sixgates.adapters.reconcile import unanswered
from sixgates.adapters.wiring import World, build
from sixgates.gates.errors import PipelineError
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.leases import run_lease
from sixgates.ledger.ledger import Entry, Kind

_log = logging.getLogger(__name__)

_REMINDER = timedelta(hours=1)
"""A flow that goes on breaking is told of again after so long."""


def notify(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ANN401, ARG001 - Prefect's
    """Tell people what the record holds and they have not been told: by this run or before it."""
    try:
        tell_people(build(), _asked(flow_run))
    except Exception:  # noqa: BLE001 - a hook must never add a failure to a success
        _log.exception("could not notify anybody")


def record_breakdown(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ANN401 - Prefect's
    """Answer the run that broke, so that its alert is not waited for, and close it as failed."""
    reason = f"{flow.name} broke: {state.message or state.name}"
    try:
        run = _answer(_asked(flow_run), reason)
    except Exception:  # noqa: BLE001 - a hook must never add a failure to a failure
        _log.exception("could not record the breakdown of %s", flow.name)
        tell_unrecorded(_asked(flow_run), f"{flow.name}/{flow_run.id}", reason)
        return
    try:
        if run is not None:
            _end(run, str(state.message))
    except Exception:  # noqa: BLE001 - as above
        _log.exception("could not close the tracking run of %s", flow.name)


def _end(run: Entry, reason: str) -> None:
    """Close the tracking run as failed; where the registry is away, a tick does it later."""
    world, tracking = build(), run.body["tracking"]
    given = {"tracking": tracking, "status": "FAILED", "reason": reason}
    with intended(world, Effect.END_RUN, run.model, release=run.release, given=given):
        world.registry.end_run(tracking, "FAILED", reason)


def _answer(project: str, reason: str) -> Entry | None:
    """Record the breakdown, and return the run that it answers where one had begun."""
    world = build()
    model = _model_name(world, project)
    run = _own_run(world, model)
    world.ledger.append(
        model,
        Kind.ANSWER,
        at=world.clock.now(),
        release=run.release if run else "",
        reason=reason,
        body={"alert": run.body["alert"] if run else None, "ending": "broken"},
    )
    return run


def note_broken_flow(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ANN401 - Prefect's
    """Put on record that ticks or watches break: while they do, nobody judges."""
    note_broken(str(flow.name), _asked(flow_run), state.message or state.name)


def note_broken(flow: str, project: str, why: str) -> None:
    """Put on record, once an hour, that a flow of a project broke.

    Args:
        flow: Name of the flow.
        project: Name or path of the project file.
        why: What happened, in words.
    """
    try:
        world = build()
        model = _model_name(world, project)
        body = {"case": _BROKEN, "about": flow}
        notices = world.ledger.entries(model, kind=Kind.NOTICE)
        known = [e.recorded for e in notices if e.body == body]
        if not known or _wall() - known[-1] > _REMINDER:
            world.ledger.append(
                model, Kind.NOTICE, at=world.clock.now(),
                reason=f"the flow {flow} broke: {why}", body=body,
            )  # fmt: skip
    except Exception:  # noqa: BLE001 - a hook must never add a failure to a failure
        _log.exception("could not record that %s broke", flow)


_BROKEN = "broken flow"


def _own_run(world: World, model: str) -> Entry | None:
    """Return the unanswered run that this process is at work on; another one's is not its own."""
    lease = world.ledger.lease(run_lease(model))
    for run in unanswered(world, model):
        if lease is not None and lease.owner == in_this_process(run.release):
            return run
    return None


def _model_name(world: World, project: str) -> str:
    """Return the model's name where the project loads or is known, else what was asked for."""
    try:
        return project_or_model(world.ledger, project)[1]
    except PipelineError:
        return project


def _asked(flow_run: Any) -> str:  # noqa: ANN401 - Prefect's
    return str(dict(flow_run.parameters or {}).get("project", ""))


def _wall() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
