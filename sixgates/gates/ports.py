"""What the pipeline needs of the world, named for the need and not for the vendor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from sixgates.gates.card import ModelCard
from sixgates.gates.errors import TransientError
from sixgates.gates.verdict import Verdict


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """Rows that a run may use, stored; small enough to pass between tasks."""

    path: str
    """Parquet file, or folder of such files, of the accepted rows, in event-time order."""
    digest: str
    """SHA-256 of that file; of a folder, of the digests of its files."""
    source: str
    """From what exactly the rows came: an address, of a table its version too, a whole query."""
    as_of: datetime
    """Event time at which they were read: nothing younger was seen."""
    rows: int
    matured: int
    """Rows whose label is known at `as_of`."""
    quarantine: str
    """The same of the refused rows, with the rule that refused each."""
    quarantined: int


@dataclass(frozen=True, slots=True)
class ModelRef:
    """One registered version of a model."""

    model: str
    version: str
    digest: str
    run: str
    """Tracking run that made it."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What one gateway says it serves right now."""

    url: str
    epoch: int
    """Epoch of the route it follows; 0 while it serves nothing."""
    champion: str
    champion_digest: str
    beside: str
    """Version beside the champion, empty where none."""
    beside_digest: str
    arm: str
    share: float
    """Share of units that the version beside the champion answers now."""
    unlogged: int
    """Answers it gave without being able to log them, since it started."""
    log_share: float = 1.0
    """Share of requests that it logs."""
    left_out: int = 0
    """Answers of the other requests, since it started."""
    left_out_labels: int = 0
    """Labels of the other requests, since it started."""
    lapsed: bool = False
    """Whether the canary answers nobody because no tick renewed its lease in time."""
    cut: str = ""
    """Why the canary answers nobody because it failed or stalled here; empty where it did not."""
    ahead: int = 0
    """Whole minutes by which its wall clock is ahead of ours, negative where it is behind."""


class SomeSilentError(TransientError):
    """Some gateways did not answer; what the others said is kept."""

    def __init__(self, message: str, answers: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.answers = list(answers)
        """Of those that did, as the call would have returned them."""


class Clock(Protocol):
    """Event time."""

    def now(self) -> datetime:
        """Return the present, naive UTC."""


class Lake(Protocol):
    """The user's data, as it was known at a moment."""

    def as_of(self, now: datetime, since: datetime | None = None) -> pl.LazyFrame:
        """Return rows whose event time is not after `now`, labels only where matured by then.

        Where `since` is given, only those whose event time is after it, and those without one.
        """


class Models(Protocol):
    """Model texts and cards by digest."""

    def put(self, text: str, card: ModelCard) -> None:
        """Store a model under its digest; storing it twice changes nothing."""

    def get(self, model: str, digest: str) -> tuple[str, ModelCard]:
        """Return text and card of a version; a text of another digest is a ContractError."""


class Registry(Protocol):
    """Runs, versions and aliases, as projections of the ledger."""

    def start_run(self, model: str, name: str, tags: dict[str, str]) -> str:
        """Open a tracking run and return its id."""

    def log_training(
        self, run: str, *, params: dict[str, Any], metrics: dict[str, float], dataset: DatasetRef
    ) -> None:
        """Record how a model was made and from what."""

    def register(self, run: str, text: str, card: ModelCard, sample: pl.DataFrame) -> ModelRef:
        """Register the native text as a new version, with signature and digest."""

    def log_verdict(self, run: str, verdict: Verdict) -> None:
        """Record one gate's decision in the run."""

    def log_reference(self, run: str, file: Path) -> None:
        """Attach what the watch will compare with to the run that made the model."""

    def log_report(self, run: str, html: Path) -> None:
        """Attach the report to the run."""

    def end_run(self, run: str, status: str, reason: str) -> None:
        """Close the run: FINISHED whatever the gates said, FAILED when the pipeline broke."""

    def set_aliases(self, model: str, aliases: dict[str, str | None]) -> None:
        """Point each alias to a version, or remove it where the version is None."""

    def aliases(self, model: str) -> dict[str, str]:
        """Return alias to version."""

    def mark(self, model: str, version: str, tags: dict[str, str]) -> None:
        """Tag a version, as refused with its reason for one."""

    def registered(self, model: str) -> dict[str, dict[str, str]]:
        """Return the tags of every version by its number; a deleted version is not among them."""

    def open_runs(self, model: str) -> dict[str, str]:
        """Return the names of the tracking runs that nobody closed, by their ids."""


class Traffic(Protocol):
    """The gateways that serve one model."""

    def prove(self, model: str, digest: str) -> list[str]:
        """Make every live gateway load a version and answer its probes.

        Returns one sentence per gateway that refused; empty when all answered bit for bit.
        Raises TransientError when no gateway is alive.
        """

    def proved(self, model: str, digest: str) -> str:
        """Say what was proved of a version that nothing refused: who was asked, and for what."""

    def follow(self, model: str, epoch: int) -> list[Serving]:
        """Make every live gateway read the ledger, and return what each then serves.

        Raises SomeSilentError where one did not answer; the others followed.
        """

    def serving(self, model: str) -> list[Serving]:
        """Return what each live gateway serves; raises SomeSilentError where one is silent."""


class Log(Protocol):
    """Predictions and labels, as the gateways logged them."""

    def predictions(self, model: str, since: datetime) -> pl.DataFrame:
        """Return prediction records whose event time is not before `since`."""

    def labels(self, model: str, since: datetime | None = None) -> pl.DataFrame:
        """Return label records, the first one of each request and row.

        Where `since` is given (wall clock, naive UTC), only of those that were received from then
        on; `labels_since` tells it for labels of certain predictions.
        """

    def newest_label(self, model: str, now: datetime) -> float | None:
        """Return the latest `at` up to now (naive UTC) of what `labels` returns, None for none."""
