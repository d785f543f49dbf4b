"""The freshness check: tell a person of what no longer comes, each case once."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import note_broken_flow, notify
from flows.naming import run_name
from tasks.notices import give_notice, give_notice_of_silence


@flow(
    name="freshness",
    flow_run_name=run_name,
    on_completion=[notify],
    on_failure=[note_broken_flow, notify],
    on_crashed=[note_broken_flow, notify],
)
def freshness(project: str, data: str | None = None) -> Any:  # noqa: ANN401 - Prefect's state
    """Put on record which runs, answers, rows, labels and compactions are overdue.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
    """
    told = [*give_notice(project), *give_notice_of_silence(project, data)]
    return Completed(
        name="Told" if told else "Quiet",
        message="; ".join(told) or "nothing is overdue that was not told before",
    )
