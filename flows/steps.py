"""What is done with each of many projects, and how long one of them may take."""

from dataclasses import dataclass, field
from typing import Literal

Step = Literal["tick", "compact", "watch", "freshness", "retrain"]


@dataclass(frozen=True, slots=True)
class Work:
    """One step."""

    flow: str
    """Name of the flow, and of its file."""
    seconds: float
    """For one project."""
    given: dict[str, str] = field(default_factory=dict)
    quick: bool = False
    """Whether it is over before Prefect's first heartbeat, for which it would wait at its end."""


@dataclass(frozen=True, slots=True)
class Said:
    """How the flow of a project ended."""

    name: str
    """Of its state; "Idle" where there was nothing to do."""
    message: str = ""
    broke: bool = False


STEPS: dict[Step, Work] = {
    "tick": Work("release", 100.0, quick=True),
    "compact": Work("compact", 240.0),
    "watch": Work("watch", 900.0),
    "freshness": Work("freshness", 300.0),
    "retrain": Work("retrain", 4 * 3600.0, {"trigger": "schedule"}),
}


def imported(step: Step) -> tuple[str, ...]:
    """Return the modules that a process needs for a step."""
    return (
        "flows.one",
        f"flows.{STEPS[step].flow}",
        # What MLflow and the ledger import when they are first used.
        "mlflow.store.model_registry.sqlalchemy_store",
        "mlflow.store.tracking.sqlalchemy_store",
        "sixgates.ledger.migrate",
    )
