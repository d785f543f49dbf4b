"""The watch over a play's champion: production's looks, once a window, and its trigger."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from simulation.backtest.history import History
from simulation.backtest.models import Model, Models
from simulation.backtest.present import Present
from sixgates.adapters.observing import look_at
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.windows import whole_windows
from sixgates.gates.evidence import mean_by_period
from sixgates.gates.maturity import begin_of, matures_of, period_of, seconds
from sixgates.gates.policy import TriggerPolicy
from sixgates.gates.reference import Reference
from sixgates.gates.watch import WatchEvidence, WatchReport, judge_watch


@dataclass(eq=False)
class Watching:
    """What has been seen of those who serve; looks do not depend on who plays."""

    history: History
    models: Models
    _references: dict[str, Reference] = field(default_factory=dict)
    _looks: dict[str, list[Look]] = field(default_factory=dict)

    def report(
        self,
        champion: Model,
        serving_since: int,
        now: datetime,
        began: datetime,
        trigger: TriggerPolicy,
    ) -> WatchReport:
        """Judge the newest window of a champion.

        Args:
            champion: Who serves.
            serving_since: First row that it answered.
            now: Event time, naive UTC.
            began: When the last run began.
            trigger: What asks for a retrain.
        """
        reference = self._reference(champion)
        policies = self.history.project.policies
        losses = self._losses(champion, serving_since, now)
        evidence = WatchEvidence(
            past=reference.looks,
            live=tuple(self._looks_at(champion, reference, now)),
            features=tuple(f.name for f in reference.profile.features),
            calendar=reference.calendar,
            period_losses=losses["loss"].to_numpy(),
            holdout_loss=reference.holdout_loss,
            margin=policies.comparison.margin,
            since_run=now - began,
            period_begins=tuple(losses["begins"]),
        )
        return judge_watch(evidence, policies.watch.model_copy(update={"trigger": trigger}))

    def broken(self, champion: Model) -> list[tuple[datetime, datetime]]:
        """Return the windows in which the feed was found broken."""
        found = (look for look in self._looks.get(champion.number, ()) if look.faults)
        return [(look.inputs.start, look.inputs.end) for look in found]

    def keep(self, serving: Collection[str]) -> None:
        """Drop what was seen of models that nobody serves any more."""
        self._references = {n: kept for n, kept in self._references.items() if n in serving}
        self._looks = {n: looks for n, looks in self._looks.items() if n in serving}

    def _reference(self, model: Model) -> Reference:
        if model.number not in self._references:
            then = Present(self.history, self.models, model.trained, lambda _: None)
            rows, split = then.rows_of(model)
            self._references[model.number] = reference_of(self._watched(model), rows, split)
        return self._references[model.number]

    def _looks_at(self, model: Model, reference: Reference, now: datetime) -> list[Look]:
        looks = self._looks.setdefault(model.number, [])
        since = looks[-1].inputs.end if looks else reference.until
        window = self.history.project.policies.watch.window
        for within in whole_windows(since, now, window):
            with self.history.lake.window(*within) as rows:
                looks.append(look_at(self._watched(model), reference, rows, within, looks))
        return looks

    def _losses(self, model: Model, first: int, now: datetime) -> pl.DataFrame:
        """Return the mean `loss` of each period whose labels have matured, and when it `begins`."""
        history, end = self.history, self.history.until(now)
        known = history.known[first:end]
        frame = pl.DataFrame(
            {
                "at": history.at[first:end],
                "labelled": known,
                "loss": self.models.losses(model.number, first, end),
            }
        ).filter(known <= seconds(now))
        project = history.project
        frame = frame.with_columns(
            matures_of(project, frame, model.card.label_age), period=period_of(project)
        )
        return mean_by_period(frame, now).with_columns(begins=begin_of(project))

    def _watched(self, model: Model) -> Watched:
        return Watched(self.history.project, model.text, model.card)
