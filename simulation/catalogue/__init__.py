"""The stories that are rehearsed, one file a kind, and where a user's own is found."""

from pathlib import Path

from simulation.catalogue.core import CORE
from simulation.catalogue.data import DATA
from simulation.catalogue.drift import DRIFT
from simulation.catalogue.infrastructure import INFRASTRUCTURE
from simulation.catalogue.model import MODEL
from simulation.catalogue.release import RELEASE
from simulation.scenario import Scenario
from sixgates.adapters.project_files import execute
from sixgates.gates.errors import ConfigurationError

CATALOGUE: tuple[Scenario, ...] = (*CORE, *DRIFT, *DATA, *MODEL, *RELEASE, *INFRASTRUCTURE)
"""All of them, in the order in which they are best shown."""


def scenario_of(name_or_path: str) -> Scenario:
    """Return a scenario of the catalogue by name, or the `scenario` that a Python file defines.

    Args:
        name_or_path: What ends in `.py` is a path.

    Raises:
        ConfigurationError: there is none, or the file does not run.
    """
    if name_or_path.endswith(".py"):
        return _of_file(Path(name_or_path))
    for scenario in CATALOGUE:
        if scenario.name == name_or_path:
            return scenario
    known = ", ".join(s.name for s in CATALOGUE)
    raise ConfigurationError(f"no scenario is called {name_or_path}: choose from {known}")


def _of_file(path: Path) -> Scenario:
    if not path.is_file():
        raise ConfigurationError(
            f"the scenario {path} cannot be read: there is no such file; give the path of a .py"
            " file"
        )
    found = getattr(execute(path), "scenario", None)
    if not isinstance(found, Scenario):
        raise ConfigurationError(
            f"{path} defines no `scenario`: end it with `scenario = Scenario(…)` from"
            " simulation.scenario"
        )
    return found
