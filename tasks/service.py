"""What gate 1 looks at beyond the rows: what the champion answered in service."""

from datetime import datetime

import numpy as np
import polars as pl

from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.wiring import World
from sixgates.gates.data.periods import RECENT
from sixgates.gates.data.skew import Skew, measure_skew
from sixgates.gates.project import Project
from sixgates.ledger.route import Route


def said_in_service(
    world: World, project: Project, route: Route | None, now: datetime
) -> pl.DataFrame | None:
    """Return what the champion answered lately, by the log; None while none serves."""
    if route is None:
        return None
    said = world.log.predictions(project.name, now - RECENT * project.period)
    return said.filter(pl.col("version") == route.champion.number)


def skew_of_service(
    world: World,
    project: Project,
    route: Route | None,
    said: pl.DataFrame | None,
    pairs: pl.DataFrame | None,
) -> Skew | None:
    """Compare the champion's newest logged answers with its answers to the stored rows.

    Returns None while no champion serves, or where no row was accepted.
    """
    if route is None or said is None or pairs is None:
        return None
    champion = route.champion

    def answer(rows: pl.DataFrame) -> np.ndarray:
        return predict(*world.models.get(project.name, champion.digest), rows)

    return measure_skew(pairs, said.height, project, answer)
