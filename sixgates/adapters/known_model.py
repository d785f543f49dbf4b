"""Which model is meant, also while its project file does not load.

What only takes a risk away, and who serves, need no more of a project than its model's name: a file
that the newest deploy has broken must not stand in the way of a rollback.
"""

import logging
from pathlib import Path

from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Ledger

_log = logging.getLogger(__name__)


def model_of(ledger: Ledger, asked: str) -> str:
    """Return the name of a project's model, with a warning where its file does not load.

    Args:
        ledger: That knows the model then.
        asked: Name or path of the project file, or the model's name.

    Raises:
        ConfigurationError: the file does not load, and the ledger knows no model of that name.
    """
    try:
        return load_project(asked).name
    except ConfigurationError as exc:
        model = _known(ledger, asked, exc)
        _log.warning("this goes by what the ledger knows of model %s, for %s", model, exc)
        return model


def project_or_model(ledger: Ledger, asked: str) -> tuple[Project | None, str]:
    """Return a project and its model's name; no project where its file does not load.

    Args:
        ledger: As for `model_of`.
        asked: As for `model_of`.

    Raises:
        ConfigurationError: as for `model_of`.
    """
    try:
        project = load_project(asked)
    except ConfigurationError as exc:
        return None, _known(ledger, asked, exc)
    return project, project.name


def _known(ledger: Ledger, asked: str, trouble: ConfigurationError) -> str:
    """Return the model that is named, else raise the trouble with its file."""
    path = Path(asked)
    model = (path.stem if path.suffix == ".py" else asked).replace("_", "-")
    if model not in ledger.models():
        raise trouble
    return model
