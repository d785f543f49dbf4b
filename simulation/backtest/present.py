"""One moment of the history: gates 1 to 4, worked out once for all plays that ask."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl

from simulation.backtest.history import History
from simulation.backtest.models import Model, Models
from sixgates.adapters.holdout_answers import holdout_evidence, paired_answers
from sixgates.adapters.lightgbm_trainer import measure_footprint, predict, train
from sixgates.gates.card import ModelCard
from sixgates.gates.compare import judge_comparison
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.period_counts import span_of_periods
from sixgates.gates.data.rows import RowSplit, Stretch, split_rows
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.evaluate import judge_holdout
from sixgates.gates.retrain import judge_training
from sixgates.gates.timesplit import TimeSplit, naive_utc, time_split
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Verdict

Broken = tuple[Stretch, ...]


@dataclass(eq=False, slots=True)
class OneHoldout:
    """What models say of one holdout: gates 3 and 4 ask, and plays that compare on it."""

    _said: dict[str, np.ndarray] = field(default_factory=dict)

    def ask(self, text: str, card: ModelCard, holdout: pl.DataFrame) -> np.ndarray:
        """Answer the holdout as `predict` does."""
        if card.digest not in self._said:
            self._said[card.digest] = predict(text, card, holdout)
        return self._said[card.digest]


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """One training."""

    model: Model | None
    """None where there was nothing to learn."""
    split: TimeSplit
    seconds: float
    """Of the training."""
    trained: Verdict
    """Gate 2."""
    holdout: OneHoldout = field(default_factory=OneHoldout)
    """What models say of its own."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run."""

    model: Model | None
    """The challenger; None where it was refused."""
    seconds: float
    """Spent on training."""
    gate: str = ""
    """Which refused it; empty where none did."""
    why: str = ""


@dataclass(eq=False)
class Present:
    """What is known at one moment, and what can be made of it."""

    history: History
    models: Models
    now: datetime
    fitted: Callable[[float], None]
    """Is told the seconds of each training that is really made."""
    _splits: dict[Broken, RowSplit] = field(default_factory=dict)
    _fits: dict[tuple[Broken | None, datetime | None], Fit] = field(default_factory=dict)
    """By which rows were refused, None where none was; and by when the drift began, where asked."""
    _validated: dict[tuple[Broken, datetime | None], Verdict] = field(default_factory=dict)
    _evaluated: dict[str, Verdict] = field(default_factory=dict)

    def run(self, champion: Model | None, broken: Broken, since: datetime | None = None) -> Ran:
        """Take the rows through gates 1 to 4; without a champion, through 1 to 3.

        Args:
            champion: Who serves.
            broken: When the feed was broken.
            since: When the drift began that an alert asked for this run for.
        """
        if not (verdict := self._validate(champion, broken)).passed:
            return _refused(verdict, 0.0)
        try:
            fit = self._fit(broken, since, gated=True)
        except ConfigurationError as exc:
            return Ran(None, 0.0, "retrain", str(exc))
        if fit.model is None or not fit.trained.passed:
            return _refused(fit.trained, fit.seconds)
        if not (verdict := self._evaluate(fit.model, fit)).passed:
            return _refused(verdict, fit.seconds)
        if champion is not None:
            verdict = self._compare(champion, fit.model, fit)
        if not verdict.passed:
            return _refused(verdict, fit.seconds)
        return Ran(fit.model, fit.seconds, why=verdict.reason)

    def blind(self, since: datetime | None = None) -> Ran:
        """Train on every row that the training policy takes, and ask no gate."""
        try:
            fit = self._fit((), since, gated=False)
        except (ConfigurationError, ContractError) as exc:
            return Ran(None, 0.0, "none", f"the training failed: {exc}")
        if fit.model is None:
            return Ran(None, fit.seconds, "none", "there was nothing to learn")
        return Ran(fit.model, fit.seconds, why="no gate was asked")

    def rows_of(self, model: Model) -> tuple[pl.DataFrame, TimeSplit]:
        """Return the rows that the run of a model accepted at this moment, and their parts."""
        accepted = self._split(model.broken, gated=model.gated).accepted
        return accepted, time_split(accepted, self.history.project, self.now)

    @cached_property
    def _weeks(self) -> pl.DataFrame:
        """Rows of the training window, and those by which gate 1 tells what is usual."""
        project = self.history.project
        window = project.policies.training.window
        longest = None if window is None else max(window, span_of_periods(project))
        return self.history.as_of(self.now, None if longest is None else self.now - longest)

    @cached_property
    def _rows(self) -> pl.DataFrame:
        window = self.history.project.policies.training.window
        if window is None:
            return self._weeks
        return self._weeks.filter(pl.col(self.history.project.roles.event_time) > self.now - window)

    def _split(self, broken: Broken, *, gated: bool) -> RowSplit:
        if not gated:
            return RowSplit(self._rows, self._rows.clear(), (), {})
        if broken not in self._splits:
            self._splits[broken] = split_rows(self._rows, self.history.project, self.now, broken)
        return self._splits[broken]

    def _validate(self, champion: Model | None, broken: Broken) -> Verdict:
        after = champion.until if champion else None
        key = broken, after
        if key not in self._validated:
            project, split = self.history.project, self._split(broken, gated=True)
            data = measure_data(
                self._weeks, split, project, self.now, new_after=after, broken=broken
            )
            self._validated[key] = judge_validation(split, data, project, self.now, after)
        return self._validated[key]

    def _fit(self, broken: Broken, since: datetime | None, *, gated: bool) -> Fit:
        split = self._split(broken, gated=gated)
        # Where a gate refuses no row, it lets through what is there without it.
        refused = broken if split.quarantined.height else None
        key = refused, since if self.history.project.policies.training.since_drift else None
        if key not in self._fits:
            self._fits[key] = self._train(split.accepted, broken, since, gated=gated)
        return self._fits[key]

    def _train(
        self, accepted: pl.DataFrame, broken: Broken, since: datetime | None, *, gated: bool
    ) -> Fit:
        project = self.history.project
        split = time_split(accepted, project, self.now)
        trained = train(project, split, since=since)
        self.fitted(trained.evidence.seconds)
        verdict = judge_training(trained.evidence, project.policies.training)
        newest = naive_utc(accepted, project.roles.event_time).max()
        model = None
        if trained.text and isinstance(newest, datetime):
            model = self.models.add(
                lambda number: Model(
                    number, trained.text, trained.card, self.now, newest, broken, gated
                )
            )
        return Fit(model, split, trained.evidence.seconds, verdict)

    def _evaluate(self, model: Model, fit: Fit) -> Verdict:
        if model.number not in self._evaluated:
            project, stored = self.history.project, (model.text, model.card)
            footprint = measure_footprint(*stored, fit.split.holdout)
            evidence = holdout_evidence(project, fit.split, stored, footprint, ask=fit.holdout.ask)
            self._evaluated[model.number] = judge_holdout(
                evidence, project.policies.evaluation, project.loss
            )
        return self._evaluated[model.number]

    def _compare(self, champion: Model, challenger: Model, fit: Fit) -> Verdict:
        project = self.history.project
        stored = [(model.text, model.card) for model in (champion, challenger)]
        paired = paired_answers(project, fit.split.holdout, *stored, ask=fit.holdout.ask)
        return judge_comparison(paired, project.policies.comparison, cold_start=False)


def _refused(verdict: Verdict, spent: float) -> Ran:
    return Ran(None, spent, str(verdict.gate), verdict.reason)
