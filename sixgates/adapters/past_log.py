"""The log as it could be read at a moment, so that a verdict can be computed again later."""

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
    """Wall clock, naive UTC: what a gateway received later is not there, whenever it happened."""

    def predictions(self, model: str, since: datetime) -> pl.DataFrame:
        """Return the prediction records from `since` (naive UTC) up to the moment."""
        return self._until(self.log.predictions(model, since))

    def labels(self, model: str) -> pl.DataFrame:
        """Return the label records up to the moment, the first one of each request and row."""
        return self._until(self.log.labels(model))

    def _until(self, records: pl.DataFrame) -> pl.DataFrame:
        at, read = (moment.replace(tzinfo=UTC).timestamp() for moment in (self.at, self.read))
        return records.filter(pl.col("at") <= at, pl.col("received") <= read)
