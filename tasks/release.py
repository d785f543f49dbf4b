"""Move a release: append the next route, make the gateways follow, read back, set the aliases.

The route is the decision; all that follows it only repeats it and may be repeated. A kill in
between leaves a route that the next tick, or the gateway's own polling, carries out.
"""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.projection import project_route
from sixgates.gates.ports import ModelRef
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.release import first_route, open_release
from sixgates.ledger.route import Route, Version
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def prove(run: Run, model: ModelRef) -> Verdict:
    """Let every gateway load the version and answer its probes as the trainer did."""
    world, _ = world_of(run)
    gateways = world.ledger.gateways(run.model)
    if known := said(world, run.model, run.id, Gate.CANARY):
        return Verdict.from_dict(known.body)
    if world.ledger.route(run.model) is None and not gateways:
        refusals = []  # a first model may come before its first gateway, which probes it on loading
    else:
        given = {"digest": model.digest}
        with intended(world, Effect.PROVE_VERSION, run.model, release=run.id, given=given):
            refusals = world.traffic.prove(run.model, model.digest)
    n = len(gateways)
    sentence = "; ".join(refusals) or f"{n} gateways answer its probes as the trainer did"
    outcome = Outcome.FAIL if refusals else Outcome.PASS
    check = Check("probes", outcome, float(n - len(refusals)), float(n), n, sentence)
    verdict = Verdict.of(Gate.CANARY, [check])
    if refusals:
        record(world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking)
    return verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def release(run: Run, model: ModelRef, reason: str) -> Route:
    """Serve a first model, or put a challenger in shadow."""
    world, _ = world_of(run)
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
    if not world.ledger.entries(run.model, kind=Kind.RELEASE, release=run.id):
        world.ledger.append(
            run.model, Kind.RELEASE, at=run.at, release=run.id, reason=reason,
            body={"tracking": run.tracking, "project": run.project, "unlogged": unlogged},
        )  # fmt: skip
    world.ledger.append_route(route)
    project_route(world, route)
    return route
