"""Move a release: append the next route, make the gateways follow, read back, set the aliases.

The route is the decision; all that follows it only repeats it and may be repeated. A kill in
between leaves a route that the next tick, or the gateway's own polling, carries out. The governor
is asked in the transaction that appends the route, and whether the champion serves that gate 4
compared with: a run takes long, and a person may have stopped the line or rolled back since.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.projection import project_route
from sixgates.adapters.wiring import World
from sixgates.gates.errors import ContractError
from sixgates.gates.governor import Refused, may_open
from sixgates.gates.policy import GovernorPolicy
from sixgates.gates.ports import ModelRef
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.deciding import Draft, append_decided
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.release import first_route, open_release
from sixgates.ledger.route import Route, Version
from sixgates.ledger.standing import standing_of
from tasks.answer import Broken, break_off
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Held, Run, put_off, world_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def prove(run: Run, model: ModelRef) -> Verdict:
    """Let every gateway load the version and answer its probes as the trainer did."""
    world, _ = world_of(run)
    gateways = world.ledger.gateways(run.model)
    if known := said(world, run.model, run.id, Gate.CANARY):
        return Verdict.from_dict(known.body)
    first = world.ledger.route(run.model) is None
    if first and not gateways and not world.traffic.serving(run.model):
        refusals = []  # a first model may come before its first gateway, which probes it on loading
        proved = "nothing serves yet: what serves it first asks it for its probes"
    else:
        given = {"digest": model.digest}
        with intended(world, Effect.PROVE_VERSION, run.model, release=run.id, given=given):
            refusals = world.traffic.prove(run.model, model.digest)
        proved = world.traffic.proved(run.model, model.digest)
    n = len(gateways)
    sentence = "; ".join(refusals) or proved
    outcome = Outcome.FAIL if refusals else Outcome.PASS
    check = Check("probes", outcome, float(n - len(refusals)), float(n), n, sentence)
    verdict = Verdict.of(Gate.CANARY, [check])
    if refusals:
        record(world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking)
    return verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def release(run: Run, model: ModelRef, reason: str) -> Route | Held | Broken:
    """Serve a first model, or put a challenger in shadow, unless the record speaks against it.

    Where the governor holds it back, the run is left as if its process had died here: it is not
    answered, so nothing that its gates said is lost or counts as a refusal, and it goes on by the
    way that dead runs go on. That needs no machinery of its own, and no person where a freeze or a
    hold ends by itself.

    Where it does not, and another champion serves than gate 4 compared with, the run is broken off:
    its verdict is about another choice. One that is held is broken off when it is taken up again:
    whoever does so gets a new run, so its alert is not lost. So it is where somebody else took it
    for dead and answered it.

    Raises:
        ContractError: gate 4 has not spoken, or another release is open.
    """
    world, project = world_of(run)
    current = world.ledger.route(run.model)
    if current is not None and current.release == run.id:
        return current  # a former try appended the route
    version = Version(model.version, model.digest)
    now, actor = world.clock.now(), "sixgates"
    if current is None:
        route = first_route(run.model, version, release=run.id, at=now, actor=actor, reason=reason)
    else:
        route = open_release(current, version, release=run.id, at=now, actor=actor, reason=reason)
    unlogged = {g.url: g.unlogged for g in world.traffic.serving(run.model)}
    body = {"tracking": run.tracking, "project": run.project, "unlogged": unlogged}
    opening = Draft(Kind.RELEASE, run.at, run.id, reason, body)
    against = append_decided(
        world.ledger, run.model, entry=opening, route=route,
        unless=_objection(run, project.policies.governor, now, _compared_with(world, run)),
    )  # fmt: skip
    if isinstance(against, Refused):
        return put_off(world, run, against)
    if against is not None:
        return break_off(world, run, against)
    project_route(world, route)
    return route


def _objection(
    run: Run, policy: GovernorPolicy, now: datetime, compared: str | None
) -> Callable[[Sequence[Entry], Sequence[Route]], Refused | str | None]:
    """Return what must be asked of the record as the release is opened.

    A refusal of the governor passes by; a reason in words is for good, as is that of an answer
    which somebody else gave the run in the meantime.
    """

    def against(entries: Sequence[Entry], routes: Sequence[Route]) -> Refused | str | None:
        for entry in entries:
            if entry.kind is Kind.ANSWER and entry.release == run.id:
                return entry.reason
        standing = standing_of(run.model, entries, routes)
        let = may_open(standing, policy, now, trigger=run.trigger, override=run.override)
        if isinstance(let, Refused):
            return let
        serves = routes[-1].champion.digest if routes else None
        return None if serves == compared else _other_champion(run, serves, compared)

    return against


def _compared_with(world: World, run: Run) -> str | None:
    """Return the digest of the champion that gate 4 compared with; None where none served."""
    known = said(world, run.model, run.id, Gate.COMPARE)
    if known is None:
        raise ContractError(
            f"gate 4 has not spoken on run {run.id}: take it through its gates with"
            f" `sixgates retrain --project {run.project}`"
        )
    digest = known.body["inputs"]["champion"]
    return None if digest is None else str(digest)


def _other_champion(run: Run, serves: str | None, compared: str | None) -> str:
    return (
        f"it ended at gate {Gate.CANARY.number} and cannot go on: another champion serves than the"
        f" one it was compared with: {_short(serves)}, and not {_short(compared)}; begin one that"
        f" is compared with it by `sixgates retrain --project {run.project}`"
    )


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "none"
