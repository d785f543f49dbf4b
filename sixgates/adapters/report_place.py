"""Where the page of a run lies, and at which address a person opens it."""

from pathlib import Path

from sixgates.adapters.mlflow_access import shown
from sixgates.adapters.settings import Settings


def report_file(settings: Settings, run: str) -> Path:
    """Return the file of a run's page, beside its data."""
    return settings.runs / run / "report.html"


def report_address(settings: Settings, run: str, tracking: str) -> str:
    """Return where a browser opens the page: in MLflow where that is a server, else the file.

    Args:
        settings: Of the installation; a password in MLflow's address is left out.
        run: Of the ledger.
        tracking: The run in MLflow, which keeps the page among its artifacts; empty without one.
    """
    if tracking and settings.mlflow_uri.startswith("http"):
        return f"{shown(settings.mlflow_uri).rstrip('/')}/#/runs/{tracking}"
    return report_file(settings, run).as_uri()
