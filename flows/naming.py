"""How runs are called in Prefect's pages."""

from pathlib import Path

from prefect.runtime import flow_run


def run_name() -> str:
    """Name a run after its flow and project, without the folder of a project file."""
    return f"{flow_run.flow_name}-{Path(str(flow_run.parameters['project'])).stem}"
