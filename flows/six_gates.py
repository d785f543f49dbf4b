"""All six gates in one attached run, for a person who wants to watch."""

import time
from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.naming import run_name
from flows.release import release
from flows.retrain import retrain

_MOVING = {"Shadowing", "Canary", "Promoted", "Busy"}
"""Endings of a tick after which there is another; where one was busy, another tick was at work."""


@flow(name="six-gates", flow_run_name=run_name)
def six_gates(project: str, data: str | None = None, seconds_between_ticks: float = 60.0) -> Any:  # noqa: ANN401
    """Retrain, then tick the release until it ends; the same steps as the deployments take.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
        seconds_between_ticks: How long to wait between two looks at the release.
    """
    state: Any
    state = retrain(project, data, trigger="six-gates", return_state=True)
    if state.name != "Released":
        return _ending(state)
    state = release(project, return_state=True)
    while state.name in _MOVING:
        time.sleep(seconds_between_ticks)
        state = release(project, return_state=True)
    return _ending(state)


def _ending(state: Any) -> Any:  # noqa: ANN401 - Prefect's state
    """Name the run after its last step; a step that broke breaks the run too."""
    if state.is_completed():
        return Completed(name=state.name, message=state.message)
    return state
