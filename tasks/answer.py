"""How a retrain is answered: with what its gates said, or as one that cannot go on."""

from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.wiring import World, build
from sixgates.gates.ports import ModelRef
from sixgates.ledger.ledger import Kind
from tasks.flight import land
from tasks.record import mark_refused
from tasks.report import report
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a run that its gates passed can never open its release."""

    reason: str


@task(**TRANSIENT, cache_policy=NO_CACHE)
def answer(run: Run, ending: str, reason: str, refused: ModelRef | None = None) -> None:
    """Record how the run ended, and with it the answer to its alert; mark a refused version.

    A retry records it once.

    Raises:
        LeaseLostError: the run has no answer, and is no longer this process's to answer.
    """
    world = build()
    if not _answered(world, run):
        world_of(run)
    _end(world, run, ending, reason, status="FINISHED", refused=refused)


def break_off(world: World, run: Run, reason: str) -> Broken:
    """Answer a run that cannot go on as broken, and let go of it: the next one begins anew."""
    _end(world, run, "broken", reason, status="KILLED")
    return Broken(reason)


def _end(
    world: World,
    run: Run,
    ending: str,
    reason: str,
    *,
    status: str,
    refused: ModelRef | None = None,
) -> None:
    given = {"tracking": run.tracking, "status": status, "reason": reason}
    with intended(world, Effect.END_RUN, run.model, release=run.id, given=given):
        if refused is not None:
            mark_refused(
                world, model=run.model, release=run.id, version=refused.version, reason=reason
            )
        _answer_once(world, run, ending, reason)
        report(world, run.model, run.id, run.tracking)
        world.registry.end_run(run.tracking, status, reason)
    land(world, run.model, run.id)


def _answer_once(world: World, run: Run, ending: str, reason: str) -> None:
    if not _answered(world, run):
        body = {"alert": run.alert, "ending": ending}
        world.ledger.append(
            run.model, Kind.ANSWER, at=world.clock.now(), release=run.id, reason=reason, body=body
        )


def _answered(world: World, run: Run) -> bool:
    return bool(world.ledger.entries(run.model, kind=Kind.ANSWER, release=run.id))
