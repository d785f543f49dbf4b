"""The page of one run: written beside its data, and kept with it in the registry."""

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.report_page import write_report
from sixgates.adapters.story import served, tell
from sixgates.adapters.wiring import World


def report(world: World, model: str, run: str, tracking: str) -> None:
    """Write the page of a run as it stands now; a later call replaces it."""
    given = {"tracking": tracking}
    with intended(world, Effect.WRITE_REPORT, model, release=run, given=given):
        _write(world, model, run, tracking)


def _write(world: World, model: str, run: str, tracking: str) -> None:
    path = world.settings.runs / run / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {**tell(world, model, run), **served(world.ledger, model), "daily": []}
    write_report(path, f"{model}, run {run}", {model: told}, {})
    if tracking:
        world.registry.log_report(tracking, path)
