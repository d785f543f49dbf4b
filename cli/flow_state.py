"""How a flow ended: what it could not find out is raised, everything else is a named end."""

from typing import Any

from sixgates.gates.errors import ContractError, PipelineError


def completed(state: Any) -> Any:  # noqa: ANN401 - Prefect's state
    """Return a completed state; raise what stopped any other one.

    Raises:
        PipelineError: The flow could not find out.
        ContractError: It broke otherwise.
    """
    if state.is_completed():
        return state
    try:
        state.result()
    except PipelineError:
        raise
    except Exception as exc:
        raise ContractError(f"the flow broke: {type(exc).__name__}: {exc}") from exc
    raise ContractError(f"the flow ended {state.name}: {state.message}")
