"""What gate 1 asks of whoever holds the rows, and how one process answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from sixgates.adapters.dataset_store import write_dataset
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.newest_weeks import newest_weeks, order_of_source
from sixgates.gates.data.counts import SplitCounts, count_split
from sixgates.gates.data.evidence import DataEvidence, measure_data
from sixgates.gates.data.refusals import Refusals, refusals_of
from sixgates.gates.data.rows import Stretch, split_rows
from sixgates.gates.data.skew import pair_rows
from sixgates.gates.ports import DatasetRef
from sixgates.gates.project import Project

LOCAL = "local"
"""The engine of one process, by its name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows gate 1 looks at, and what is known besides."""

    project: Project
    file: str
    """Name or path that the project was loaded by: workers take the contract from there."""
    lake: ProjectLake
    now: datetime
    """The present, naive UTC: rows are read as they are known then."""
    runs: Path
    """Folder of all runs."""
    run: str
    """Identifier of the run, and its folder's name."""
    broken: Sequence[Stretch] = ()
    """Stretches of time in which the watch found the feed broken."""
    new_after: datetime | None = None
    """Newest event time that the champion learned from."""
    said: pl.DataFrame | None = None
    """Answers of the champion that were logged lately; None while none serves."""

    @property
    def since(self) -> datetime | None:
        """After which moment rows are used for training; None means all."""
        window = self.project.policies.training.window
        # A row without a time is no older than the window: gate 1 refuses it by name.
        return None if window is None else self.now - window


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about the rows; small, whatever their number."""

    engine: str
    """Where they were: `local`, or the address of a Dask scheduler."""
    counts: SplitCounts
    refusals: Refusals
    data: DataEvidence
    """Without what the log tells."""
    pairs: pl.DataFrame | None
    """The newest rows that the champion answered, with its answers; None while none serves, or
    where no row was accepted."""
    refused: pl.DataFrame
    """Refused rows: of each rule the newest, as many at least as the quarantine keeps."""
    store: Callable[[], DatasetRef]
    """Puts the rows where those of the run lie; to be called when that is intended."""


def check_here(asked: Asked) -> Checked:
    """Read all rows in this process, and hold them against contract, roles and history.

    Raises:
        ConfigurationError: the source cannot be read, or has a column that is none of the user's.
        TransientError: it does not answer.
    """
    project, now = asked.project, asked.now
    rows = asked.lake.as_of(now, asked.since).collect()
    split = split_rows(rows, project, now, asked.broken)
    data = measure_data(
        newest_weeks(asked.lake, project, rows, now), split, project, now,
        new_after=asked.new_after, broken=asked.broken,
        order=order_of_source(asked.lake, project, now, asked.new_after),
    )  # fmt: skip
    counts = count_split(split, project, now, asked.new_after)
    pairs = None
    if asked.said is not None and split.accepted.height:
        pairs = pair_rows(split.accepted, asked.said, project)

    def store() -> DatasetRef:
        return write_dataset(
            asked.runs, asked.run, accepted=split.accepted, quarantined=split.quarantined,
            source=asked.lake.pin(), as_of=now, matured=counts.whole.known,
        )  # fmt: skip

    return Checked(
        LOCAL, counts, refusals_of(split, project), data, pairs, split.quarantined, store
    )
