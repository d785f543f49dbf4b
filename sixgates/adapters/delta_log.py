"""The whole log: what still lies in segments, and what compaction has put into the tables.

Segments are read first, and the table is opened afterwards, without the rows of those segments. So
each row is seen once at any moment: what was deleted before it could be read was committed before
that, and what was read counts as it was read, also where it was committed meanwhile.
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from sixgates.adapters.log_records import (
    PREDICTION_SCHEMA,
    Stream,
    first_labels,
    layout_of,
    located,
)
from sixgates.adapters.segment_log import SegmentLog
from sixgates.adapters.table_place import Folder

if TYPE_CHECKING:
    from sixgates.adapters.delta_table import ModelTable


_LATEST = 1_000
"""Labels among which the newest is looked for at first: more than are sent again at once."""


class DeltaLog:
    """Predictions and labels of every model. Safe to share between threads."""

    def __init__(self, segments: Path, tables: Folder) -> None:
        """Read `<segments>/<model>/` and the tables under `<tables>/<model>/`."""
        self.folder = segments
        self.segments = SegmentLog(segments)
        self.tables = tables

    def predictions(self, model: str, since: datetime) -> pl.DataFrame:
        """Return prediction records whose event time is not before `since` (naive UTC).

        They come in the order of their segments and lines, wherever they lie.

        Raises:
            ContractError: a line is not a prediction, a segment shrank, or the table is not whole.
        """
        return self._rows(model, Stream.PREDICTIONS, "at", since).select(*PREDICTION_SCHEMA)

    def labels(self, model: str, since: datetime | None = None) -> pl.DataFrame:
        """Return label records, the first one of each request and row: see `first_labels`.

        Where `since` is given (naive UTC), only of those that were received from then on.

        Raises:
            ContractError: a line is not a label, a segment shrank, or the table is not whole.
        """
        return first_labels(self._rows(model, Stream.LABELS, "received", since))

    def newest_label(self, model: str, now: datetime) -> float | None:
        """Return the latest `at` up to now (naive UTC) of what `labels` returns, None for none.

        Of the latest labels one is nearly always the first of its row, so that no other is kept.

        Raises:
            ContractError: a line is not a label, a segment shrank, or the table is not whole.
        """
        known = pl.col("at") <= now.replace(tzinfo=UTC).timestamp()
        labels = self.lazy(model, Stream.LABELS)
        with self.reading(model):
            some = labels.select("request", "at").filter(known).top_k(_LATEST, by="at")
            latest = some.collect(engine="streaming")
            if latest.is_empty():
                return None
            of_theirs = pl.col("request").is_in(latest["request"].to_list())
            theirs = labels.filter(of_theirs).collect(engine="streaming")
        firsts = first_labels(theirs.sort("segment", "line")).filter(known)
        # What is older than all of the latest may have one between it and them that was left out.
        sure = firsts.filter(pl.col("at") >= latest["at"].min())
        if sure.is_empty() and latest.height == _LATEST:
            sure = self.labels(model).filter(known)
        newest: float | None = sure.select(pl.col("at").max()).item()
        return newest

    def lazy(self, model: str, stream: Stream) -> pl.LazyFrame:
        """Return every row with its place, in no order; collect it within `reading`."""
        local = self.segments.read(model, stream)
        stored = self.table(model, stream).scan().filter(~pl.col("segment").is_in(list(local)))
        return pl.concat([stored, *(rows.lazy() for rows in local.values())])

    def reading(self, model: str) -> AbstractContextManager[None]:
        """Say in one sentence what goes wrong when rows of a model are collected."""
        from sixgates.adapters.delta_table import reading

        return reading(self.tables / model)

    def table(self, model: str, stream: Stream) -> "ModelTable":
        """Return the table of a stream, whether it is there yet or not."""
        from sixgates.adapters.delta_table import ModelTable

        return ModelTable(self.tables / model / stream, layout_of(stream))

    def _rows(
        self, model: str, stream: Stream, column: str, since: datetime | None
    ) -> pl.DataFrame:
        """Return the rows with a time from a moment on, in the order of their places."""
        wanted, near = pl.lit(value=True), None
        if since is not None:
            start = since.replace(tzinfo=UTC).timestamp()
            wanted, near = pl.col(column) >= start, pl.col(f"max.{column}") >= start
        local = self.segments.read(model, stream)
        read = [rows.filter(wanted) for rows in local.values()]
        table = self.table(model, stream)
        if not table.exists:
            return pl.concat([located(stream).to_frame(), *read])
        elsewhere = ~pl.col("segment").is_in(list(local))
        with self.reading(model):
            stored = table.scan(having=near).filter(wanted, elsewhere).collect()
        return pl.concat([stored, *read]).sort("segment", "line")
