"""The watch: look for drift, and raise an alert that the retrain answers."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.naming import run_name
from tasks.watch import look_for_drift, raise_alert


@flow(name="watch", flow_run_name=run_name)
def watch(project: str, data: str | None = None, *, announce: bool = True) -> Any:  # noqa: ANN401 - Prefect's state
    """Compare the present with what the champion was made from, and alert where it has moved.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
        announce: Send the event that automations wait for; the ledger has the alert either way.
    """
    report = look_for_drift(project, data)
    raised = raise_alert(project, data, report, announce=announce)
    name = "Quiet" if raised.alert is None else "Alerted"
    return Completed(name=name, message=raised.sentence)
