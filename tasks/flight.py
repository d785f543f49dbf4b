"""Single flight: at most one run of a model is under way, by a lease in the ledger."""

from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError
from sixgates.gates.project import Project
from sixgates.ledger.holder import in_this_process, take_or_see, what_of
from sixgates.ledger.leases import Lease, run_lease
from sixgates.ledger.ledger import Kind


class LeaseLostError(PipelineError):
    """A run showed no sign of life for too long, and somebody else was let begin or go on."""


def take_off(world: World, project: Project, run: str) -> Lease | None:
    """Take the lease for a run, unless another run is under way.

    A run that was answered has ended, even where its process could not say so; one whose process
    has ended too.

    Args:
        world: Whose ledger.
        project: Whose model.
        run: Identifier of the run.

    Returns:
        None where it was taken, and else the lease of the run that is under way.
    """
    name, owner = run_lease(project.name), in_this_process(run)
    while (held := take_or_see(world.ledger, name, owner, _seconds(project))) is not None:
        if not _is_answered(world, project.name, what_of(held.owner)):
            return held
        world.ledger.give_back(name, held.owner)
    return None


def in_flight(held: Lease) -> str:
    """Say which run is under way, and until when it is waited for."""
    return (
        f"run {what_of(held.owner)} is under way and has until {held.until:%Y-%m-%d %H:%M:%S} UTC"
        f" to show that it lives ({held.owner})"
    )


def has_begun(world: World, model: str, held: Lease) -> bool:
    """Whether the run that has a lease is on record."""
    return bool(world.ledger.entries(model, kind=Kind.RUN, release=what_of(held.owner)))


def fly_on(world: World, project: Project, run: str) -> None:
    """Show that a run lives: it does at each of its gates, and before its answer.

    Raises:
        LeaseLostError: it counts as dead, and must not go on beside the one that followed it.
    """
    name, seconds = run_lease(project.name), _seconds(project)
    if world.ledger.renew(name, in_this_process(run), seconds):
        return
    held = world.ledger.lease(name)
    to = f" to {held.owner}" if held else ""
    raise LeaseLostError(
        f"run {run} ends here without an answer: its lease went{to}, as it does where a run gives"
        f" no sign of life for {seconds:,g} seconds; where a gate takes longer, raise"
        f" governor.run_lease of {project.name}"
    )


def land(world: World, model: str, run: str) -> None:
    """Give the lease of a run back, where it still has it."""
    held = world.ledger.lease(run_lease(model))
    if held is not None and what_of(held.owner) == run:
        world.ledger.give_back(run_lease(model), held.owner)


def _seconds(project: Project) -> float:
    """Wall time without a sign of life: none comes from the middle of a training."""
    policies = project.policies
    return policies.governor.run_lease.total_seconds() + policies.training.max_seconds


def _is_answered(world: World, model: str, run: str) -> bool:
    return bool(world.ledger.entries(model, kind=Kind.ANSWER, release=run))
