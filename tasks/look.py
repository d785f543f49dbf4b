"""Looking at every window that has ended since the champion was trained, once each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.observing import look_at
from sixgates.adapters.watched import Watched
from sixgates.adapters.wiring import World
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.windows import whole_windows
from sixgates.gates.evidence import loss_by_period
from sixgates.gates.maturity import begin_of, labels_since, seconds
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference, comparable
from sixgates.gates.watch import WatchEvidence
from sixgates.ledger.feed import Stretch, broken_stretches
from sixgates.ledger.ledger import Kind, require_route

_AGAIN = 30
"""Newest windows of a broken feed that are looked at again: it may have been mended."""


@dataclass(frozen=True, slots=True)
class Since:
    """All that is known since the champion was trained."""

    project: Project
    """The champion's, with windows that can be compared with those of the reference."""
    reference: Reference
    looks: tuple[Look, ...]
    losses: pl.DataFrame
    """By period, oldest first: `loss`, when the period `begins`, naive UTC, and when its loss was
    known, `matures`, in seconds since 1970."""
    runs: tuple[datetime, ...]
    """When runs began, oldest first."""
    margin: float
    """What gate 4 takes for no difference of losses, in units of the loss."""

    def evidence(self, now: datetime, looks: tuple[Look, ...]) -> WatchEvidence:
        """Return what was known at a moment, after these looks."""
        known = self.losses.filter(pl.col("matures") <= seconds(now))
        began = [run for run in self.runs if run <= now]
        return WatchEvidence(
            past=self.reference.looks,
            live=looks,
            features=tuple(f.name for f in self.reference.profile.features),
            calendar=self.reference.calendar,
            period_losses=known["loss"].to_numpy(),
            holdout_loss=self.reference.holdout_loss,
            margin=self.margin,
            since_run=now - began[-1] if began else None,
            period_begins=tuple(known["begins"]),
        )

    def after_each_look(self) -> Iterator[WatchEvidence]:
        """Yield what was known at the end of each window, oldest first."""
        for n, look in enumerate(self.looks, 1):
            yield self.evidence(look.inputs.end, self.looks[:n])


def look_around(world: World, project: Project, data: str | None, *, anew: bool = False) -> Since:
    """Look at what has come since the champion was trained.

    Args:
        world: Where ledger, model, log and former looks are.
        project: The champion's.
        data: Address of the data; the project's own source where not given.
        anew: Look at every window again and keep nothing: the data may be somebody's trial.
    """
    route = require_route(world.ledger, project.name)
    digest = route.champion.digest
    reference = world.references.get(project.name, digest)
    project = _comparable(project, reference)
    model = Watched(project, *world.models.get(project.name, digest))
    known = () if anew else world.references.looks(project.name, digest)
    looks = _looks(world, model, data, reference, known)
    if looks != known and not anew:
        world.references.put_looks(project.name, digest, looks)
    serving_since = next(
        r.at for r in world.ledger.routes(project.name)
        if r.champion == route.champion
    )  # fmt: skip
    predictions = world.log.predictions(project.name, serving_since)
    losses = loss_by_period(
        project,
        route.champion.number,
        predictions,
        world.log.labels(project.name, labels_since(predictions)),
        now=world.clock.now(),
        classes=model.card.classes,
        label_age=model.card.label_age,
    )
    runs = tuple(run.at for run in world.ledger.entries(project.name, kind=Kind.RUN))
    return Since(
        project,
        reference,
        looks,
        losses.with_columns(begins=begin_of(project)),
        runs,
        project.policies.comparison.margin,
    )


def look_again(
    world: World, data: str | None, broken: Iterable[Stretch], since: Since
) -> list[Look]:
    """Look at stretches of a broken feed that are no windows of the champion's.

    They were another champion's, whose windows had other borders, and may have been mended. Of
    them, too, only those among the newest `_AGAIN` windows are looked at.

    Args:
        world: Where ledger and model are.
        data: Address of the data; the project's own source where not given.
        broken: What is on record as broken.
        since: What was seen of the champion's own windows.
    """
    project = since.project
    oldest = world.clock.now() - _AGAIN * project.policies.watch.window
    own = {look.inputs.end for look in since.looks}
    left = [(s.start, s.end) for s in broken if s.end > oldest and s.end not in own]
    if not left:
        return []
    champion = require_route(world.ledger, project.name).champion
    model = Watched(project, *world.models.get(project.name, champion.digest))
    lake, engine = ProjectLake(project, data), engine_of(world.settings.engine)
    looks: list[Look] = []
    for within in left:
        with lake.window(*within) as rows:
            looks.append(
                look_at(model, since.reference, rows, within, (), count=engine.count_files)
            )
    return looks


def _comparable(project: Project, reference: Reference) -> Project:
    watch = comparable(project.policies.watch, reference)
    policies = project.policies.model_copy(update={"watch": watch})
    return project.model_copy(update={"policies": policies})


def _looks(
    world: World, model: Watched, data: str | None, reference: Reference, known: Sequence[Look]
) -> tuple[Look, ...]:
    lake, window = ProjectLake(model.project, data), model.project.policies.watch.window
    engine = engine_of(world.settings.engine)
    before = {(look.inputs.start, look.inputs.end): look for look in known}
    notices = world.ledger.entries(model.project.name, kind=Kind.NOTICE)
    broken = {stretch.end for stretch in broken_stretches(notices)}
    looks: list[Look] = []
    ended = list(whole_windows(reference.until, world.clock.now(), window))
    for place, within in enumerate(ended):
        look = before.get(within)
        # What is no longer on record as broken was mended while another champion served.
        again = place >= len(ended) - _AGAIN or within[1] not in broken
        if look is None or (look.faults and again):
            with lake.window(*within) as rows:
                look = look_at(model, reference, rows, within, looks, count=engine.count_files)
        looks.append(look)
    return tuple(looks)
