"""What is asked of a rehearsal."""

from dataclasses import dataclass

TRIGGERED = "healthy-drift"
"""The scenario whose retrain is started by Prefect's automation and runs on a worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to rehearse."""

    scenarios: tuple[str, ...] = ()
    project: str = ""
    data: str | None = None
    """Address of the history; the project's own source where not given."""
    keep: bool = False
    virtual: bool = False
    """Play on a virtual clock, without servers."""
    full: bool = False
    """Play on the servers of a whole installation."""

    @property
    def plays(self) -> tuple[str, ...]:
        """Names of what is played."""
        return self.scenarios or (self.project,)
