"""The log's upkeep: sealed segments go into its tables. Run twice, it changes nothing."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import note_broken_flow, notify
from flows.naming import run_name
from tasks.compact import compact_log


@flow(
    name="compact",
    flow_run_name=run_name,
    on_completion=[notify],
    on_failure=[note_broken_flow, notify],
    on_crashed=[note_broken_flow, notify],
)
def compact(project: str) -> Any:  # noqa: ANN401 - Prefect's state
    """Compact the log of a project's model once, unless somebody is at it already.

    Args:
        project: Name or path of a project file.
    """
    done = compact_log(project)
    return Completed(name="Busy" if done.busy else "Compacted", message=done.sentence)
