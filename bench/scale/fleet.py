"""A fleet of small projects, and what is done with it in processes of their own.

`python -m bench.scale.fleet WORK FOLDER`: the environment says where ledger, registry and Prefect's
server are. Projects `open-*` have a release under way, with a gateway; `idle-*` have a champion.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from flows.each import each
from simulation.scenario import End, Scenario, project_file
from simulation.world import World as SimulatedWorld
from sixgates.adapters.clocks import set_clock
from sixgates.adapters.projection import project_route
from sixgates.adapters.wiring import build
from sixgates.gates.errors import PipelineError
from sixgates.ledger.release import first_route
from sixgates.ledger.route import Version

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
KNOWN, DAYS, ROWS = 20, 60, 150
"""Days of history, days of the world, rows a day."""
_RULES: dict[str, dict[str, Any]] = {
    "validation": {"min_rows": 500},
    "training": {"rounds": 30},
    "watch": {"min_rows": 100},
    "comparison": {"margin": 0.05, "cold_start": "serve"},
    "canary": {"margin": 0.05, "slow_ms": 60_000.0},
}


def found(folder: Path, names: Sequence[str]) -> None:
    """Write the projects and their one file of data."""
    world = SimulatedWorld(3, START, DAYS, ROWS)
    folder.mkdir()
    world.frame().write_parquet(data_of(folder))
    for name in names:
        scenario = Scenario(
            name=name, teaches="Nothing.", expected=End.NOTHING, world=world,
            live_from_day=KNOWN, overrides=_RULES,
        )  # fmt: skip
        (folder / f"{name}.py").write_text(project_file(scenario))


def data_of(folder: Path) -> Path:
    """Return the path of the data."""
    return folder / "data.parquet"


def model_of(name: str) -> str:
    """Return the name of a project's model."""
    return f"loans-{name}"


def at(home: Path, day: int) -> None:
    """Let it be the end of a day."""
    set_clock(home / "clock", START + timedelta(days=day))


def _retrain(folder: Path) -> None:
    projects = sorted(map(str, folder.glob("open-*.py")))
    given = dict.fromkeys(projects, str(data_of(folder)))
    state: Any = each("retrain", projects, given, return_state=True)
    if state.message != f"{len(projects)} Released":
        raise PipelineError(f"the retrains did not open all releases: {state.message}")


def _settle(folder: Path) -> None:
    """Let all idle projects serve the champion of an open one, registered as their own."""
    world = build()
    route = world.ledger.route(model_of("open-0"))
    if route is None:
        raise PipelineError("there is no champion")
    text, card = world.models.get(route.model, route.champion.digest)
    sample = pl.read_parquet(data_of(folder), columns=[f.name for f in card.features]).head(20)
    for path in sorted(folder.glob("idle-*.py")):
        own = replace(card, model=model_of(path.stem))
        world.models.put(text, own)
        run = world.registry.start_run(own.model, path.stem, {})
        reference = world.registry.register(run, text, own, sample)
        world.registry.end_run(run, "FINISHED", "settled")
        version = Version(reference.version, reference.digest)
        first = first_route(
            own.model, version, release=path.stem, at=route.at, actor="bench", reason="settled"
        )
        world.ledger.append_route(first)
        project_route(world, first)


def _tick(folder: Path) -> None:
    """What the deployment does; prints what came of it.

    Raises:
        PipelineError: a project broke, or had no tick, so that there was less to do.
    """
    state: Any = each("tick", [f"{folder}/*.py"], begin_within=50.0, return_state=True)
    if not state.is_completed() or "not begun" in state.message or "Busy" in state.message:
        raise PipelineError(f"not every project had its tick: {state.message}")
    sys.stdout.write(f"{state.name}: {state.message}\n")


if __name__ == "__main__":
    {"retrain": _retrain, "settle": _settle, "tick": _tick}[sys.argv[1]](Path(sys.argv[2]))
