"""Tell a person of what should have happened and did not: once a case, in the ledger."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.arrivals import newest_row, unlabelled
from sixgates.adapters.log_state import uncompacted
from sixgates.adapters.wiring import World, build
from sixgates.gates.notices import (
    Notice,
    Overdue,
    late_compaction,
    missing_labels,
    notices,
    stale_rows,
)
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.standing import newest_run, read_acts, waiting_alert
from tasks.hold import still_held
from tasks.resume import alert_left
from tasks.retry import TRANSIENT
from tasks.run import project_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def give_notice(project: str) -> list[str]:
    """Record every overdue case that is not on record yet, and return their sentences."""
    world, chosen = build(), project_of(project)
    policy = chosen.policies.governor
    return _record(world, chosen, notices(_overdue(world, chosen), policy, world.clock.now()))


@task(**TRANSIENT, cache_policy=NO_CACHE)
def give_notice_of_silence(project: str, data: str | None) -> list[str]:
    """Record what no longer comes in and is not on record as such, and return the sentences.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
    """
    world, chosen = build(), project_of(project)
    return _record(world, chosen, _silent(world, chosen, data))


def _record(world: World, project: Project, cases: Iterable[Notice]) -> list[str]:
    """Write down each case that is new before the next is looked for, which may fail."""
    model, fresh = project.name, []
    known = [e.body for e in world.ledger.entries(model, kind=Kind.NOTICE)]
    for notice in cases:
        body = {"case": notice.case, "about": notice.about}
        if body not in known:
            now = world.clock.now()
            world.ledger.append(model, Kind.NOTICE, at=now, reason=notice.reason, body=body)
            fresh.append(notice.reason)
    return fresh


def _silent(world: World, project: Project, data: str | None) -> Iterator[Notice]:
    model, now, validation = project.name, world.clock.now(), project.policies.validation
    for waiting in uncompacted(world, model):
        yield from late_compaction(waiting, datetime.now(UTC).replace(tzinfo=None))
    yield from missing_labels(unlabelled(world, project, data, now), project.period, now)
    if validation.max_age is not None:
        newest = newest_row(project, data, now, validation.max_age)
        yield from stale_rows(model, newest, validation, now)


def _overdue(world: World, project: Project) -> Overdue:
    entries = read_acts(world.ledger, project.name)
    run, alert, since = newest_run(entries), None, None
    routes = world.ledger.routes(project.name)
    route, waiting = next(reversed(routes), None), waiting_alert(entries, routes)
    under_way = route is not None and route.is_open  # then nobody could answer
    left = None if waiting or under_way else alert_left(world, project.name)
    if waiting and not under_way and not (waiting.held and still_held(world, project)):
        alert, since = waiting.alert.seq, waiting.since
    elif left and not still_held(world, project):
        alert, since = left[0], _last_sign(world, left[1])
    return Overdue(project.name, run.at if run else None, alert, since)


def _last_sign(world: World, run: Entry) -> datetime:
    """Return when a run that died last put something on record."""
    return max(entry.at for entry in world.ledger.entries(run.model, release=run.release))
