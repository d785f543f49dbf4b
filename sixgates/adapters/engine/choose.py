"""The seam between one process and many: what each gate asks of whoever holds its rows.

The answers mean the same from either engine: the gates judge them and do not know which it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.engine.check import LOCAL, Asked, Checked, check_here
from sixgates.adapters.engine.cluster import cluster_at
from sixgates.adapters.holdout_answers import Model, holdout_evidence, paired_answers
from sixgates.adapters.lightgbm_trainer import Trained, measure_footprint, train
from sixgates.adapters.observing import count_files
from sixgates.adapters.parquet_profile import Span
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.compare import Paired
from sixgates.gates.evaluate import Holdout
from sixgates.gates.ports import DatasetRef
from sixgates.gates.profile.counts import Profile
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference
from sixgates.gates.timesplit import time_split


class Evaluated(NamedTuple):
    """What one model showed."""

    evidence: Holdout
    reference: Reference


class Engine(Protocol):
    """Counts, learns and measures for the gates."""

    @property
    def name(self) -> str:
        """`local`, or the address of a Dask scheduler; for the record."""

    def count_files(
        self, files: Sequence[Path], like: Profile, span: Span, wanted: int
    ) -> tuple[Profile, pl.DataFrame]:
        """Count a span of parquet files and choose some rows, see `observing.count_files`."""

    def check(self, asked: Asked) -> Checked:
        """Hold the rows of a source against contract, roles and history; store them when told to.

        Raises:
            ConfigurationError: the source cannot be read, or has a column that is none of the
                user's.
            TransientError: it does not answer.
        """

    def train(self, project: Project, dataset: DatasetRef, since: datetime | None) -> Trained:
        """Train a challenger on the accepted rows of a run, see `lightgbm_trainer.train`.

        `since` is when the drift began that an alert asked for this training for, naive UTC.
        """

    def evaluate(self, project: Project, dataset: DatasetRef, model: Model) -> Evaluated:
        """Ask a stored model for the holdout of a run, and keep what the watch will need."""

    def compare(
        self, project: Project, dataset: DatasetRef, champion: Model, challenger: Model
    ) -> Paired:
        """Let two stored models answer the same holdout."""


def engine_of(name: str) -> Engine:
    """Return the engine that a setting names: `local`, or the address of a Dask scheduler."""
    return InProcess() if name == LOCAL else OnDask(name)


@dataclass(frozen=True, slots=True)
class InProcess:
    """All rows are read by the process of the gate."""

    name: str = LOCAL

    def count_files(
        self, files: Sequence[Path], like: Profile, span: Span, wanted: int
    ) -> tuple[Profile, pl.DataFrame]:
        """See `Engine`."""
        return count_files(files, like, span, wanted)

    def check(self, asked: Asked) -> Checked:
        """See `Engine`."""
        return check_here(asked)

    def train(self, project: Project, dataset: DatasetRef, since: datetime | None) -> Trained:
        """See `Engine`."""
        split = time_split(read_dataset(dataset), project, dataset.as_of)
        return train(project, split, since=since)

    def evaluate(self, project: Project, dataset: DatasetRef, model: Model) -> Evaluated:
        """See `Engine`."""
        rows = read_dataset(dataset)
        split = time_split(rows, project, dataset.as_of)
        footprint = measure_footprint(*model, split.holdout)
        evidence = holdout_evidence(project, split, model, footprint)
        return Evaluated(evidence, reference_of(Watched(project, *model), rows, split))

    def compare(
        self, project: Project, dataset: DatasetRef, champion: Model, challenger: Model
    ) -> Paired:
        """See `Engine`."""
        holdout = time_split(read_dataset(dataset), project, dataset.as_of).holdout
        return paired_answers(project, holdout, champion, challenger)


@dataclass(frozen=True, slots=True)
class OnDask:
    """Rows stay with the workers of a Dask scheduler, which must see the same files.

    Raises, of every call: ConfigurationError, TransientError as `cluster.cluster_at`.
    """

    name: str

    def count_files(
        self, files: Sequence[Path], like: Profile, span: Span, wanted: int
    ) -> tuple[Profile, pl.DataFrame]:
        """See `Engine`."""
        from sixgates.adapters.engine.counting import count_on

        with cluster_at(self.name) as cluster:
            return count_on(cluster, files, like, span, wanted)

    def check(self, asked: Asked) -> Checked:
        """See `Engine`; rows that do not lie in files are read by this process."""
        from sixgates.adapters.engine.checking import check_on
        from sixgates.adapters.engine.source_rows import Files

        files = Files(*asked.lake.files())
        if not files.paths:
            return check_here(asked)
        with cluster_at(self.name) as cluster:
            return check_on(cluster, asked, files)

    def train(self, project: Project, dataset: DatasetRef, since: datetime | None) -> Trained:
        """See `Engine`."""
        from sixgates.adapters.engine.stored_rows import stored_rows_of
        from sixgates.adapters.engine.training import train_on

        with cluster_at(self.name) as cluster:
            return train_on(stored_rows_of(cluster, project, dataset), since)

    def evaluate(self, project: Project, dataset: DatasetRef, model: Model) -> Evaluated:
        """See `Engine`."""
        from sixgates.adapters.engine.holdout import holdout_on
        from sixgates.adapters.engine.references import reference_on
        from sixgates.adapters.engine.stored_rows import stored_rows_of

        with cluster_at(self.name) as cluster:
            rows = stored_rows_of(cluster, project, dataset)
            evidence = holdout_on(rows, model)
            watched = Watched(rows.project, *model)
            return Evaluated(evidence, reference_on(rows, watched, evidence.means[0]))

    def compare(
        self, project: Project, dataset: DatasetRef, champion: Model, challenger: Model
    ) -> Paired:
        """See `Engine`."""
        from sixgates.adapters.engine.holdout import paired_on
        from sixgates.adapters.engine.stored_rows import stored_rows_of

        with cluster_at(self.name) as cluster:
            return paired_on(stored_rows_of(cluster, project, dataset), champion, challenger)
