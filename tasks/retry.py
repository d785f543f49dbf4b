"""Retries: only for what the world may answer the next time."""

from typing import Any

from sixgates.gates.errors import TransientError


def is_transient(_task: object, _run: object, state: Any) -> bool:  # noqa: ANN401 - Prefect's State
    """Say whether a failed task is worth another try."""
    try:
        state.result()
    except TransientError:
        return True
    except BaseException:  # noqa: BLE001 - whatever it was, it is not transient
        return False
    return False


TRANSIENT: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 5, 20],
    "retry_condition_fn": is_transient,
}
"""Arguments of a task that may be tried again. Every task is safe to run twice."""
