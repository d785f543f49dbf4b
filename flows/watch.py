"""The watch: look for drift, and raise an alert that the retrain answers."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import note_broken_flow, notify
from flows.naming import run_name
from tasks.notices import give_notice
from tasks.watch import look_for_drift, raise_alert


@flow(
    name="watch",
    flow_run_name=run_name,
    on_completion=[notify],
    on_failure=[note_broken_flow, notify],
    on_crashed=[note_broken_flow, notify],
)
def watch(project: str, data: str | None = None, *, announce: bool = True) -> Any:  # noqa: ANN401 - Prefect's state
    """Compare the present with what the champion was made from, and alert where it has moved.

    What is overdue, such as a run that its schedule missed, is put on record first.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
        announce: Send the event that automations wait for; the ledger has the alert either way.
    """
    give_notice(project)
    report = look_for_drift(project, data)
    raised = raise_alert(project, data, report, announce=announce)
    name = "Alerted" if raised.alert is not None else "Broken feed" if report.faults else "Quiet"
    return Completed(name=name, message=raised.sentence)
