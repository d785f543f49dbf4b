"""What a kill matrix plays, cut into jobs that processes take one after the other."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cli.rehearsal.matrix.faults import FAULTS, Fault
from cli.rehearsal.matrix.mortal_gateway import RECORDS
from cli.rehearsal.matrix.orphaned import play_orphaned
from cli.rehearsal.matrix.play import Stage
from cli.rehearsal.matrix.points import Death
from cli.rehearsal.matrix.scenes import MET_BY_FAULTS, PROMOTION, SCENES, Scene

_WARM_UP = 5
"""Records that a gateway makes before it may die at the next."""


def _deaths(scene: Scene, stage: Stage, repeats: int) -> None:
    """Kill a walk at each place around an effect so often, and before each write once.

    The writes around an effect are among all writes.
    """

    def chosen(places: Sequence[Death]) -> list[Death]:
        return [death for death in places for _ in range(1 if death.is_write else repeats)]

    stage.play_deaths(scene, chosen)


def _faults(fault: Fault, stage: Stage, repeats: int) -> None:
    """Let walks meet a fault."""
    stage.findings.points += len(MET_BY_FAULTS)
    for scene in MET_BY_FAULTS:
        for _ in range(repeats):
            stage.play_fault(scene, fault)


def _records(stage: Stage, repeats: int) -> None:
    """Kill a gateway around what it writes down of requests and labels."""
    stage.findings.points += len(RECORDS)
    for record in RECORDS:
        for n in range(repeats):
            stage.play_record(PROMOTION, record, _WARM_UP + n)


def _orphaned(stage: Stage, repeats: int) -> None:
    """Kill Prefect's server in mid-canary."""
    stage.findings.points += 1
    for _ in range(repeats):
        play_orphaned(stage)


JOBS: Mapping[str, Callable[[Stage, int], None]] = {
    **{scene.name: partial(_deaths, scene) for scene in SCENES},
    **{fault.name: partial(_faults, fault) for fault in FAULTS},
    "gateway killed as it records": _records,
    "Prefect's server gone": _orphaned,
}
"""Name to what plays it on a stage, each place so often; the longest first."""
