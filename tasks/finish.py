"""Finish or undo what a process that died had intended.

What the ledger has decided is finished: verdicts are logged, marks set, pages written, runs closed.
What it has not decided is undone, for its gate runs anew or its run is over.
"""

from contextlib import suppress

from sixgates.adapters.effects import DONE, UNDONE, Effect
from sixgates.adapters.reconcile import close_strays, reconcile
from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError, TransientError
from sixgates.gates.verdict import Verdict
from sixgates.ledger.holder import is_held
from sixgates.ledger.leases import run_lease
from sixgates.ledger.ledger import Entry, Kind, require_route
from sixgates.ledger.route import Route
from tasks.carry_out import Decided, carry_out
from tasks.quarantine import keep
from tasks.report import report

_OF_A_TICK = frozenset({Effect.MOVE_RELEASE, Effect.FOLLOW_ROUTE, Effect.SET_ALIASES})


def finish_for_tick(world: World, model: str) -> None:
    """Finish or undo every open intent, but for those of a run that is under way."""
    live = run_is_live(world, model)
    for intent in reversed(world.ledger.unfinished(model)):
        if not (live and not _answer(world, intent)):
            _settle(world, intent)


def finish_for_run(world: World, model: str) -> None:
    """Finish or undo the open intents of runs, as long as no run of the model is under way."""
    for intent in reversed(world.ledger.unfinished(model)):
        if intent.body["action"] not in _OF_A_TICK and not intent.body["given"].get("epoch"):
            _settle(world, intent)


def bring_in_line(world: World, model: str) -> Route:
    """Settle what a crash left, bring gateways and registry in line, and return the newest route.

    Raises:
        ConfigurationError: no model serves yet.
    """
    finish_for_tick(world, model)
    with suppress(PipelineError):  # the proof of the projection says that the registry is away
        close_strays(world, model)
    return reconcile(world, require_route(world.ledger, model))


def run_is_live(world: World, model: str) -> bool:
    """Whether somebody holds the lease of a run of the model."""
    return is_held(world.ledger.lease(run_lease(model)))


def _settle(world: World, intent: Entry) -> None:
    """Close an intent once its effect is there or gone; leave it where nobody answers."""
    why = {}
    try:
        outcome = _outcome(world, intent)
    except TransientError:  # a lost race is one too
        return
    except PipelineError as exc:
        outcome, why = UNDONE, {"why": str(exc)}
    if outcome is not None:
        world.ledger.close_intent(intent.seq, at=world.clock.now(), outcome=outcome, body=why)


def _outcome(world: World, intent: Entry) -> str | None:
    """Finish or undo one effect; None leaves it to who follows the route, or to the next tick."""
    given, model, run = intent.body["given"], intent.model, intent.release
    done = True
    match intent.body["action"]:
        case Effect.START_RUN:
            return _of_start(world, model, run)
        case Effect.LOG_VERDICT:
            return _of_verdict(world, intent)
        case Effect.MOVE_RELEASE:
            return _of_move(world, intent)
        case Effect.FOLLOW_ROUTE | Effect.SET_ALIASES:
            newest = world.ledger.route(model)
            return None if newest and newest.epoch == given["epoch"] else UNDONE
        case Effect.KEEP_REFUSED:
            keep(world, model, run, given)
        case Effect.MARK_VERSION:
            world.registry.mark(model, given["version"], given["tags"])
        case Effect.WRITE_REPORT:
            done = report(world, model, run, given["tracking"])
        case Effect.END_RUN if given["status"] == "KILLED" or _answer(world, intent):
            world.registry.end_run(given["tracking"], given["status"], given["reason"])
        case _:
            return UNDONE
    return DONE if done else None


def _of_move(world: World, intent: Entry) -> str:
    decided = Decided.from_dict(intent.body["given"], world.ledger.routes(intent.model))
    if decided is None:
        return UNDONE
    carry_out(world, decided)
    return DONE


def _of_start(world: World, model: str, run: str) -> str:
    if world.ledger.entries(model, kind=Kind.RUN, release=run):
        return DONE
    for tracking, name in world.registry.open_runs(model).items():
        if name == run:
            world.registry.end_run(tracking, "KILLED", "its process died before it was on record")
    return UNDONE


def _of_verdict(world: World, intent: Entry) -> str:
    given = intent.body["given"]
    for entry in world.ledger.entries(intent.model, kind=Kind.VERDICT, release=intent.release):
        if (entry.body["gate"], entry.body.get("epoch")) == (given["gate"], given["epoch"]):
            if given["tracking"]:
                world.registry.log_verdict(given["tracking"], Verdict.from_dict(entry.body))
            return DONE
    return UNDONE


def _answer(world: World, intent: Entry) -> bool:
    """Whether the run of an intent is answered."""
    return bool(world.ledger.entries(intent.model, kind=Kind.ANSWER, release=intent.release))
