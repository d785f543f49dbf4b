"""The page of one run: written beside its data, kept with it in the registry, shown in Prefect."""

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.report_page import write_report
from sixgates.adapters.report_place import report_address, report_file
from sixgates.adapters.story import served, tell
from sixgates.adapters.upshot import upshot
from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route
from tasks.record import show_report


def report(world: World, model: str, run: str, tracking: str) -> None:
    """Write the page of a run as it stands now; a later call replaces it."""
    given = {"tracking": tracking}
    with intended(world, Effect.WRITE_REPORT, model, release=run, given=given):
        _write(world, model, run, tracking)
    show_report(model, run, report_address(world.settings, run, tracking))


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


def _write(world: World, model: str, run: str, tracking: str) -> None:
    path, now = report_file(world.settings, run), world.clock.now()
    path.parent.mkdir(parents=True, exist_ok=True)
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
