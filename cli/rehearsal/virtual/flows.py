"""Flows as plain functions: the same bodies and the same tasks, and no Prefect server."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid5

from prefect import Task
from prefect.states import Completed, Failed

from sixgates.gates.errors import PipelineError, TransientError
from tasks import record, run


def played(flow: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - Prefect's state
    """Run a flow's body with its hooks and return its state; what it raised is raised.

    A hook sees a state and the parameters, which is all that the hooks of these flows look at.
    """
    parameters = inspect.signature(flow.fn).bind(*words, **named)
    parameters.apply_defaults()
    asked = SimpleNamespace(id="virtual", name=flow.name, parameters=parameters.arguments)
    try:
        state = flow.fn(*words, **named)
    except PipelineError as exc:
        failed: Any = Failed(
            message=f"Flow run encountered an exception: {type(exc).__name__}: {exc}"
        )
        _tell(flow.on_failure_hooks, flow, asked, failed)
        raise
    _tell(flow.on_completion_hooks, flow, asked, state or Completed())
    return state


@contextmanager
def plain_tasks() -> Iterator[None]:
    """Let tasks be called as the functions they are, tried again at once where they may be.

    Pages in Prefect's UI are left out: there is none. Runs are numbered, and not named by chance:
    the name of a release decides whom its canary answers, so each play is the same every time.
    """
    called = patch.object(Task, "__call__", _call)
    shown = patch.object(record, "create_markdown_artifact", _show_nothing)
    numbered = (uuid5(NAMESPACE_URL, f"run {n}") for n in count(1))
    named = patch.object(run, "uuid4", partial(next, numbered))
    with called, shown, named:
        yield


def _call(task: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - a task's result
    for _ in range(task.retries):
        try:
            return task.fn(*words, **named)
        except TransientError:  # `TRANSIENT` tries again after these alone
            continue
    return task.fn(*words, **named)


def _show_nothing(**_page: object) -> None:
    """Take a page that nobody will look at."""


def _tell(hooks: list[Any] | None, flow: Any, run: Any, state: Any) -> None:  # noqa: ANN401
    for hook in hooks or []:
        hook(flow, run, state)
