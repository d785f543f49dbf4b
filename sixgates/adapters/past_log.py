"""The log as it could be read at a moment, so that a verdict can be computed again later.

A record counts from the first tick whose wall clock has come to the time at which the gateway says
it received it. Every tick reads the whole release anew, and nothing is ever taken out of the log:
a clock that is wrong lets a record count late, and never lets it be lost or count twice. (One that
is wrong by more than a day can lose labels: see `labels_since`.)

- A gateway whose clock is ahead: its records count so much later, also once the clock is set right.
  From one minute on that is said: a notice once a release, and a line of `sixgates status`, see
  `clock_lead.py`. A release that ends before is judged without them.
- A gateway whose clock was set back: its records count at once.
- A tick whose clock was set back: it sees what it saw at that time, and what came since with such
  a time; the rest counts again once the clock has passed it. That is said too.

A verdict from an hour that a clock lived twice may see, when it is computed again, records of the
second time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from sixgates.gates.ports import Log


@dataclass(frozen=True, slots=True)
class PastLog:
    """A log without what came after a moment."""

    log: Log
    at: datetime
    """Event time, naive UTC: what happened or became known later is not there."""
    read: datetime
    """Wall clock, naive UTC: what a gateway received later, by its own clock, is not there."""

    def predictions(self, model: str, since: datetime) -> pl.DataFrame:
        """Return the prediction records from `since` (naive UTC) up to the moment."""
        return self._until(self.log.predictions(model, since))

    def labels(self, model: str, since: datetime | None = None) -> pl.DataFrame:
        """Return the label records received from `since` (naive UTC) up to the moment.

        Of each request and row it is the first one.
        """
        return self._until(self.log.labels(model, since))

    def newest_label(self, model: str, now: datetime) -> float | None:
        """Return the latest `at` up to now and up to the moment of what `labels` returns."""
        known = self.labels(model).filter(pl.col("at") <= now.replace(tzinfo=UTC).timestamp())
        newest: float | None = known.select(pl.col("at").max()).item()
        return newest

    def _until(self, records: pl.DataFrame) -> pl.DataFrame:
        at, read = (moment.replace(tzinfo=UTC).timestamp() for moment in (self.at, self.read))
        return records.filter(pl.col("at") <= at, pl.col("received") <= read)
