"""One table, its model, and what the watch makes of everything that can befall it.

The model is trained and the windows are looked at by the code of production. Every episode of a
table follows the same quiet history; none knows of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandera.polars as pa
import polars as pl

from simulation.faults import as_stored
from simulation.sweep.triage.kinds import BROKEN, MOVED, QUIET, UNTELLABLE, Draw, Happening, Stage
from simulation.sweep.triage.shapes import draw_table
from simulation.sweep.triage.tables import ENTITY, LABEL, START, TIME, Table
from sixgates.adapters.lake.source import WindowRows
from sixgates.adapters.lightgbm_trainer import train
from sixgates.adapters.observing import look_at
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.card import Task
from sixgates.gates.drift.look import Look
from sixgates.gates.policy import Policies, TrainingPolicy, WatchPolicy
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.reference import Reference
from sixgates.gates.timesplit import time_split
from sixgates.gates.watch import WatchEvidence, judge_watch

TRAINING, CALM, EPISODE = 30, 3, 6
"""Windows, which are days: of the training, of quiet life after it, and of what then happens."""
_LEAST_ROWS = 100
"""Of a window that may say something; tables have from 200 a day on."""


@dataclass(frozen=True, slots=True)
class Episode:
    """What the watch made of one happening."""

    table: int
    """Number of the table."""
    shape: str
    kind: str
    """What happened."""
    change: str
    """It, in full."""
    called: tuple[str, ...]
    """Faults that were named in the first window that was called broken; empty where none was."""
    called_after: int | None
    """Windows until then, that one counted."""
    asked_after: int | None
    """Windows until the first alert that asks for a retrain, that one counted; None where none came
    before the feed was called broken, with which an episode ends."""


class _Champion(NamedTuple):
    """A model under watch, and the quiet days it has seen."""

    table: Table
    model: Watched
    reference: Reference
    calm: pl.DataFrame
    looks: tuple[Look, ...]


def episodes_of(number: int, seed: int) -> list[Episode]:
    """Play everything that can befall one table.

    Args:
        number: Of the table.
        seed: The same seed and number give the same episodes.
    """
    rng = np.random.default_rng([seed, number])
    champion = _champion(draw_table(rng), rng)
    kinds: Mapping[str, Draw] = {**BROKEN, **UNTELLABLE, **MOVED, **QUIET}
    found = []
    for kind, draw in kinds.items():
        # By its name: what is seeded by [s, n, 0] is drawn by the same chance as by [s, n].
        own = np.random.default_rng([seed, number, *kind.encode()])
        # Half of all things begin with a day, the others within one.
        day = TRAINING + CALM + float(own.choice([0.0, own.uniform(0.1, 0.9)]))
        happening = draw(Stage(champion.table, champion.calm, day, EPISODE), own)
        if happening is not None:
            found.append(_played(champion, (number, kind), happening, own))
    return found


def _played(
    champion: _Champion, name: tuple[int, str], happening: Happening, rng: np.random.Generator
) -> Episode:
    number, kind = name
    first = TRAINING + CALM
    later = champion.table.frame(first, EPISODE, rng, happening.times)
    rows = pl.concat([champion.calm, later])
    if happening.change is not None:
        rows = as_stored(rows, START, (happening.change,), seed=int(rng.integers(2**31)))
    looks, called_after, asked_after = champion.looks, None, None
    for n, day in enumerate(range(first, first + EPISODE), 1):
        looks = (*looks, _look(champion, rows, day, looks))
        if looks[-1].faults:
            called_after = n
            break
        if asked_after is None and judge_watch(_evidence(champion, looks), _policy()).asks:
            asked_after = n
    named = tuple(dict.fromkeys(str(found.fault) for found in looks[-1].faults))
    shape, told = champion.table.shape, repr(happening)
    return Episode(number, shape, kind, told, named, called_after, asked_after)


def _champion(table: Table, rng: np.random.Generator) -> _Champion:
    project = _project(table)
    rows = table.frame(0, TRAINING, rng)
    split = time_split(rows, project, _moment(TRAINING))
    trained = train(project, split, threads=1)
    model = Watched(project, trained.text, trained.card)
    # The newest row ends the last window a moment early; days are windows here.
    reference = replace(reference_of(model, rows, split), until=_moment(TRAINING))
    champion = _Champion(table, model, reference, table.frame(TRAINING, CALM, rng), ())
    for day in range(TRAINING, TRAINING + CALM):
        look = _look(champion, champion.calm, day, champion.looks)
        champion = champion._replace(looks=(*champion.looks, look))
    return champion


def _look(champion: _Champion, rows: pl.DataFrame, day: int, earlier: tuple[Look, ...]) -> Look:
    within = _moment(day), _moment(day + 1)
    window = rows.filter((pl.col(TIME) > within[0]) & (pl.col(TIME) <= within[1]))
    return look_at(champion.model, champion.reference, WindowRows(window.lazy()), within, earlier)


def _evidence(champion: _Champion, looks: tuple[Look, ...]) -> WatchEvidence:
    """What is known before any label of the live champion is."""
    return WatchEvidence(
        past=champion.reference.looks,
        live=looks,
        features=tuple(f.name for f in champion.reference.profile.features),
        calendar=champion.reference.calendar,
        period_losses=np.array([]),
        holdout_loss=champion.reference.holdout_loss,
        margin=champion.model.project.policies.comparison.margin,
        since_run=None,
    )


def _project(table: Table) -> Project:
    names = (TIME, ENTITY, *(c.name for c in table.columns), LABEL)
    return Project(
        name="triage",
        task=Task.BINARY,
        contract=pa.DataFrameSchema({name: pa.Column() for name in names}),
        roles=Roles(
            event_time=TIME,
            label=LABEL,
            entity=ENTITY,
            label_horizon=timedelta(0),
            numeric=tuple(c.name for c in table.numeric),
            categorical=tuple(c.name for c in table.categorical),
        ),
        loss=LossName.BRIER,
        trainer={"num_leaves": 8},
        policies=Policies.with_margin(0.02, watch=_policy(), training=TrainingPolicy(rounds=60)),
    )


def _policy() -> WatchPolicy:
    """Every alert asks for a retrain: the harshest of triggers."""
    return WatchPolicy(min_rows=_LEAST_ROWS)


def _moment(day: int) -> datetime:
    return START + timedelta(days=day)
