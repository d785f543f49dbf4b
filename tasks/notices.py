"""Tell a person of what should have happened and did not: once a case, in the ledger."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.wiring import World, build
from sixgates.gates.notices import Overdue, notices
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Kind
from sixgates.ledger.standing import newest_run, read_acts, waiting_alert
from tasks.hold import still_held
from tasks.retry import TRANSIENT
from tasks.run import project_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def give_notice(project: str) -> list[str]:
    """Record every overdue case that is not on record yet, and return their sentences."""
    world, chosen = build(), project_of(project)
    model, now = chosen.name, world.clock.now()
    known = [e.body for e in world.ledger.entries(model, kind=Kind.NOTICE)]
    cases = notices(_overdue(world, chosen), chosen.policies.governor, now)
    fresh = []
    for notice in cases:
        body = {"case": notice.case, "about": notice.about}
        if body not in known:
            world.ledger.append(model, Kind.NOTICE, at=now, reason=notice.reason, body=body)
            fresh.append(notice.reason)
    return fresh


def _overdue(world: World, project: Project) -> Overdue:
    entries = read_acts(world.ledger, project.name)
    run, alert, since = newest_run(entries), None, None
    route, waiting = world.ledger.route(project.name), waiting_alert(entries)
    under_way = route is not None and route.is_open  # then nobody could answer
    if waiting and not under_way and not (waiting.held and still_held(world, project)):
        alert, since = waiting.alert.seq, waiting.since
    return Overdue(project.name, run.at if run else None, alert, since)
