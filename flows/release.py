"""Gates 5 and 6: one tick of the open release. Run twice, it changes nothing."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import note_broken_flow, notify
from flows.naming import run_name
from sixgates.ledger.route import Step
from tasks.canary import canary
from tasks.monitor import monitor
from tasks.tick import look, move, outcome_of
from tasks.turn import turn_of

_NAMES = {
    Step.SHADOW: "Shadowing",
    Step.CANARY: "Canary",
    Step.PROMOTED: "Promoted",
    Step.CONFIRMED: "Confirmed",
    Step.ROLLED_BACK: "RolledBack",
    Step.EXPIRED: "Expired",
    Step.SUPERSEDED: "Superseded",
    Step.COLD_START: "Idle",
}


@flow(
    name="release",
    flow_run_name=run_name,
    on_completion=[notify],
    on_failure=[note_broken_flow, notify],
    on_crashed=[note_broken_flow, notify],
)
def release(project: str) -> Any:  # noqa: ANN401 - Prefect's state
    """Judge the open release of a project once, and move it where the verdict says so.

    Args:
        project: Name or path of a project file.
    """
    with turn_of(project) as busy:
        if busy is not None:
            return Completed(name="Busy", message=busy.reason)
        tick = look(project)
        if tick.ended:  # its challenger was deleted in MLflow, or a person rolled it back just now
            return Completed(name=_NAMES[tick.route.step], message=tick.route.reason)
        if not tick.route.is_open:
            return Completed(name="Idle", message=f"no open release: {tick.route.reason}")
        judged = monitor(tick) if tick.route.step is Step.PROMOTED else canary(tick)
        route = move(tick, judged)
        return Completed(name=_NAMES[route.step], message=outcome_of(tick, judged, route))
