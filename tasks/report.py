"""The page of one run: written beside its data, kept with it in the registry, shown in Prefect."""

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.report_page import UnwrittenError, write_report
from sixgates.adapters.report_place import report_address, report_file
from sixgates.adapters.story import served, tell
from sixgates.adapters.upshot import upshot
from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route
from tasks.record import show_report

UNWRITTEN = "unwritten page"
"""Case of the notice that the page of a run cannot be written."""


def report(world: World, model: str, run: str, tracking: str) -> bool:
    """Write the page of a run as it stands now, and say whether it could; a later call replaces it.

    A page decides nothing. So one that cannot be written stops nobody: its intent stays open, for
    the next tick to try again, and people are told of it once.
    """
    given = {"tracking": tracking}
    try:
        with intended(world, Effect.WRITE_REPORT, model, release=run, given=given):
            _write(world, model, run, tracking)
    except UnwrittenError as exc:
        _give_notice(world, model, run, f"{exc}; each tick tries again")
        return False
    show_report(model, run, report_address(world.settings, run, tracking))
    return True


def report_end(world: World, route: Route) -> None:
    """Write the page of a release that no tick ended: a person did, or a newer run.

    Ticks repeat it until it is done, and then no more.
    """
    opened = world.ledger.entries(route.model, kind=Kind.RELEASE, release=route.release)
    if route.is_open or not opened:
        return
    intents = world.ledger.entries(route.model, kind=Kind.INTENT, release=route.release)
    if not any(e.body["action"] == Effect.WRITE_REPORT and e.at >= route.at for e in intents):
        report(world, route.model, route.release, opened[0].body["tracking"])


def _give_notice(world: World, model: str, run: str, reason: str) -> None:
    body = {"case": UNWRITTEN, "about": run}
    notices = world.ledger.entries(model, kind=Kind.NOTICE, release=run)
    if not any(notice.body == body for notice in notices):
        now = world.clock.now()
        world.ledger.append(model, Kind.NOTICE, at=now, release=run, reason=reason, body=body)


def _write(world: World, model: str, run: str, tracking: str) -> None:
    path, now = report_file(world.settings, run), world.clock.now()
    route = world.ledger.route(model)
    told = {
        **tell(world, model, run),
        **served(world.ledger, model),
        **upshot(world.ledger, model, run, now),
        "daily": [],
        "written": now.isoformat(),
        "under_way": route is not None and route.is_open and route.release == run,
    }
    write_report(path, f"{model}, run {run}", {model: told}, {})
    if tracking:
        world.registry.log_report(tracking, path)
