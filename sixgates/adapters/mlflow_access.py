"""Opening MLflow without noise, and saying its faults in our words."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sixgates.adapters.mlflow_artifacts import bound_artifacts
from sixgates.adapters.mlflow_database import make_whole, with_driver
from sixgates.gates.errors import (
    ConfigurationError,
    ContractError,
    PipelineError,
    TransientError,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # By default an unreachable server is noticed after minutes. Our own callers try again, and a
    # tick, which has 100 seconds in all, judges also while one hangs.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow takes these from the environment alone; what a person has set goes before."""

_MISSING = {"RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND"}
_DELETED = "Current state is deleted"
"""Of a run or an experiment that is in MLflow's bin, under the code of a wrong parameter."""
_REFUSED = {"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"}
_BROKEN = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE"}


_USER = re.compile(r"//[^/\s]*@")
"""Who asks, in an address; a password may hold an @ itself."""
_SECRETS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
"""Variables by which MLflow is let in; a header that it cannot send is shown with its error."""


def open_client(uri: str) -> "MlflowClient":
    """Open a tracking and registry address, creating the tables of a new database.

    Raises:
        ConfigurationError: MLflow does not understand the address, or no driver is installed.
        TransientError: nothing answers there.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    bound_artifacts()
    try:
        with mlflow_errors(uri, "opening it"):
            make_whole(uri)
            address = with_driver(uri)
            client = MlflowClient(tracking_uri=address, registry_uri=address)
            client.search_experiments(max_results=1)
    except ContractError as exc:
        if isinstance(exc.__context__, MlflowException):
            raise ConfigurationError(
                f"MLflow does not accept the address {shown(uri)}: set SIXGATES_MLFLOW_URI to"
                " sqlite:///<path>, postgresql://… or http://…"
            ) from exc.__cause__
        raise
    return client


@contextmanager
def mlflow_errors(uri: str, doing: str) -> Iterator[None]:
    """Turn what MLflow raises into one sentence; to be entered once MLflow was opened.

    Args:
        uri: Address of the registry.
        doing: What was tried, as `setting aliases of churn`.
    """
    from mlflow.exceptions import MlflowException

    where = f"the registry {shown(uri)}"
    try:
        yield
    except MlflowException as exc:
        raise _translated(exc, where, doing) from _showable(exc)
    except OperationalError as exc:
        raise TransientError(f"{where} did not answer while {doing} ({exc.orig})") from exc
    except (SQLAlchemyError, ImportError, PermissionError) as exc:
        raise ConfigurationError(
            f"{where} cannot be used while {doing} ({_line(exc)}): see SIXGATES_MLFLOW_URI and"
            " SIXGATES_MLFLOW_ARTIFACTS"
        ) from _showable(exc)
    except OSError as exc:
        raise TransientError(f"{where} did not answer while {doing} ({_line(exc)})") from _showable(
            exc
        )
    except PipelineError:
        raise
    except Exception as exc:  # noqa: BLE001 - what the client of an artifact store raises
        if type(exc).__module__ == "builtins":
            raise ContractError(
                f"{where} failed while {doing} ({type(exc).__name__}: {_line(exc)}): that is no"
                " outage; see which versions of MLflow and of its artifact store's client there are"
            ) from _showable(exc)
        raise TransientError(
            f"{where} did not take it while {doing} ({type(exc).__name__}: {_line(exc)}): see"
            " whether its artifact store can be reached from here"
        ) from _showable(exc)


def _translated(exc: "MlflowException", where: str, doing: str) -> PipelineError:
    said = f"while {doing} ({_line(exc)})"
    if exc.error_code in _MISSING or _DELETED in str(exc):
        return ConfigurationError(
            f"{where} lacks what is needed {said}: see what was deleted, and restore it"
        )
    if exc.error_code in _REFUSED:
        return ConfigurationError(
            f"{where} refused {said}: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if exc.error_code in _BROKEN:
        return ContractError(f"{where} did not accept the request {said}")
    return TransientError(f"{where} did not answer {said}: try again, and see whether it runs")


def shown(uri: str) -> str:
    """Return the address without a password, and without parameters, which may hold one."""
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
    try:
        return sa.make_url(uri).set(query={}).render_as_string()
    except sa.exc.ArgumentError:
        return parts.scheme or "given"


def _line(exc: BaseException) -> str:
    """The first line of a message, without the secrets in it."""
    return _bare(str(exc).strip().split("\n", 1)[0]) or type(exc).__name__


def _bare(said: str) -> str:
    for secret in filter(None, (os.environ.get(name, "").strip() for name in _SECRETS)):
        said = said.replace(secret, "***")
    return _USER.sub("//", said)


def _showable(exc: BaseException) -> BaseException | None:
    """The cause to show in a traceback: MLflow's messages hold its address, password and all."""
    return None if _bare(str(exc)) != str(exc) else exc
