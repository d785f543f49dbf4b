"""Take up a run whose process died, or that was put off: at the gate it came to, or not at all.

What its gates said is on record and what they passed on is stored, so none of them speaks again.
Where something of that is gone, or does not hold any more, the run is broken off.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sixgates.adapters.dataset_store import require_rows, stored_rows
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.reconcile import close_strays, unanswered
from sixgates.adapters.wiring import World
from sixgates.gates.errors import ContractError
from sixgates.gates.governor import BY_HAND, Allowed, Refused, may_begin
from sixgates.gates.project import Project
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.standing import standing_of
from tasks.finish import finish_for_run, run_is_live
from tasks.record import said
from tasks.report import report

_GATES = (Gate.VALIDATE, Gate.RETRAIN, Gate.EVALUATE, Gate.COMPARE)

STALE_AFTER = timedelta(days=1)
"""Event time after which a dead run is not gone on with: newer data would tell more."""


@dataclass(frozen=True, slots=True)
class Left:
    """A run that was never answered, and that nobody is at work on."""

    entry: Entry
    at_gate: Gate
    """The first one that has not spoken; CANARY where only the opening of the release is left."""
    obstacle: str
    """Why it cannot go on; empty where it can."""


def settle(world: World, project: Project, now: datetime, *, data: str | None = None) -> list[Left]:
    """Return the runs left behind, and break off those that cannot go on; at most the newest can.

    What else a crash left of runs is finished or undone first. To be called by who holds the lease
    of the model's runs, so that none of them is under way.

    Args:
        world: Whose ledger.
        project: Whose model.
        now: Event time, naive UTC.
        data: Address of the data that a person asks a run of; None goes on with any.
    """
    finish_for_run(world, project.name)
    close_strays(world, project.name)
    runs = unanswered(world, project.name)
    older = [Left(run, _at_gate(world, run), "a later run has begun") for run in runs[:-1]]
    left = [*older, *(_left(world, project, run, now, data) for run in runs[-1:])]
    for dead in left:
        if dead.obstacle:
            _break_off(world, dead)
    return left


def dead_runs(world: World, model: str) -> set[str]:
    """Return the runs that nobody answered and nobody is at work on."""
    if run_is_live(world, model):
        return set()
    return {run.release for run in unanswered(world, model)}


def alert_left(world: World, model: str) -> tuple[int, Entry] | None:
    """Return the newest alert and its newest run, where nobody answered or is at work on that."""
    dead = dead_runs(world, model)
    alerts = world.ledger.entries(model, kind=Kind.ALERT) if dead else []
    if not alerts:
        return None
    newest = alerts[-1].seq
    runs = world.ledger.entries(model, kind=Kind.RUN)
    left = [run for run in runs if run.release in dead and run.body["alert"] == newest]
    return (newest, left[-1]) if left else None


def may_go_on(
    world: World, project: Project, left: Left, now: datetime, *, trigger: str, override: str
) -> Allowed | Refused:
    """Ask the governor as if the run began now; it does not stand in its own way."""
    model, run = project.name, left.entry
    if _opened(world, run):
        return Allowed()
    others = [e for e in world.ledger.entries(model) if e.seq != run.seq]
    standing = standing_of(model, others, world.ledger.routes(model))
    policy, who = project.policies.governor, on_behalf_of(left, trigger)
    return may_begin(standing, policy, now, trigger=who, override=override)


def on_behalf_of(left: Left, trigger: str) -> str:
    """Return as whose a run goes on that one asked for first and another one asks for now.

    A person who asks for it sets aside what a person may, whoever asked for it first.
    """
    return trigger if trigger in BY_HAND else str(left.entry.body["trigger"])


def note_resumed(world: World, left: Left) -> None:
    """Put on record that a run goes on, for the people who watch."""
    gate, run = left.at_gate, left.entry.release
    world.ledger.append(
        left.entry.model, Kind.RECOVERED, at=world.clock.now(), release=run,
        reason=f"resumes run {run} at gate {gate.number}, {gate}",
        body={"what": "run", "gate": gate},
    )  # fmt: skip


def _break_off(world: World, dead: Left) -> None:
    """Answer a run that cannot go on, and close its tracking run."""
    run, reason = dead.entry, f"it ended at gate {dead.at_gate.number} and cannot go on"
    reason = f"{reason}: {dead.obstacle}"
    tracking = run.body["tracking"]
    given = {"tracking": tracking, "status": "KILLED", "reason": reason}
    with intended(world, Effect.END_RUN, run.model, release=run.release, given=given):
        world.ledger.append(
            run.model, Kind.ANSWER, at=world.clock.now(), release=run.release, reason=reason,
            body={"alert": run.body["alert"], "ending": "broken"},
        )  # fmt: skip
        report(world, run.model, run.release, tracking)
        world.registry.end_run(tracking, "KILLED", reason)


def _left(world: World, project: Project, run: Entry, now: datetime, data: str | None) -> Left:
    gate = _at_gate(world, run)
    if _opened(world, run):
        return Left(run, gate, "")  # only the answer is missing
    if now - run.at > STALE_AFTER:
        return Left(run, gate, f"it began at {run.at} and is too old to go on")
    if data not in {None, run.body["data"]}:
        read = run.body["data"] or "the project's own source"
        return Left(run, gate, f"it read {read}, and a person asks for a run of {data}")
    if run.body.get("training") != project.policies.training.model_dump(mode="json"):
        return Left(run, gate, "the training policy is another one than when it began")
    try:
        _require_stored(world, run)
    except ContractError as exc:
        return Left(run, gate, str(exc))
    return Left(run, gate, "")


def _opened(world: World, run: Entry) -> bool:
    """Whether the release of a run has a route."""
    return any(route.release == run.release for route in world.ledger.routes(run.model))


def _at_gate(world: World, run: Entry) -> Gate:
    spoken = (gate for gate in _GATES if said(world, run.model, run.release, gate) is None)
    return next(spoken, Gate.CANARY)


def _require_stored(world: World, run: Entry) -> None:
    """Make sure that all is there which the gates that have spoken passed on.

    Raises:
        ContractError: a file is gone or was changed, or another champion serves.
    """
    verdicts = {gate: said(world, run.model, run.release, gate) for gate in _GATES}
    inputs = {gate: entry.body["inputs"] for gate, entry in verdicts.items() if entry is not None}
    if Gate.VALIDATE in inputs:
        accepted, quarantined = stored_rows(world.settings.runs, run.release)
        require_rows(accepted, inputs[Gate.VALIDATE]["accepted"])
        require_rows(quarantined, inputs[Gate.VALIDATE]["quarantined"])
    digest = inputs[Gate.RETRAIN].get("model") if Gate.RETRAIN in inputs else None
    if digest is not None:
        world.models.get(run.model, digest)
    if Gate.EVALUATE in inputs:
        world.references.get(run.model, inputs[Gate.EVALUATE]["model"])
    if Gate.COMPARE in inputs:
        route = world.ledger.route(run.model)
        champion = route.champion.digest if route else None
        if champion != inputs[Gate.COMPARE]["champion"]:
            raise ContractError("another champion serves than the one it was compared with")
