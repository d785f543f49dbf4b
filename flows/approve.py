"""A person's yes or no to a challenger, from Prefect's pages; the command does the same."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import notify
from flows.naming import run_name
from tasks.approval import approve as say_yes
from tasks.approval import reject as say_no


@flow(
    name="approve",
    flow_run_name=run_name,
    on_completion=[notify],
)
def approve(project: str, reason: str, by: str, override: str = "") -> Any:  # noqa: ANN401 - Prefect's state
    """Approve the challenger that waits for a person; the next tick promotes it.

    Args:
        project: Name or path of a project file.
        reason: Why, for the record.
        by: Who approves, for the record.
        override: Why it should hold although gate 5 has not decided; empty for no.
    """
    said = say_yes(project, reason, by, override=override)
    return Completed(name="Approved", message=said.sentence)


@flow(
    name="reject",
    flow_run_name=run_name,
    on_completion=[notify],
)
def reject(project: str, reason: str, by: str) -> Any:  # noqa: ANN401 - Prefect's state
    """Refuse the challenger that is tried; the champion serves alone at once.

    Args:
        project: Name or path of a project file.
        reason: Why, for the record.
        by: Who refuses it, for the record.
    """
    said = say_no(project, reason, by)
    return Completed(name="RolledBack", message=said.sentence)
