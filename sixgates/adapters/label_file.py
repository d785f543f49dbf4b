"""Labels from a file become sealed segments of the log, and go the way of all labels from there.

A label that its row has already is not written again, so the same file twice changes nothing.
"""

import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path

import msgspec
import polars as pl
from msgspec.structs import astuple

from sixgates.adapters.atomic_files import write_atomically
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.label_counts import LabelCounts, count_labels
from sixgates.adapters.label_rows import read_labels
from sixgates.adapters.log_records import LABEL_SCHEMA, Stream
from sixgates.gates.log_sample import is_logged
from sixgates.gates.project import Project
from sixgates.gates.records import Label

SEGMENT_ROWS = 250_000
"""A segment that is written holds no more labels."""

_LABEL = ["request", "row", "label"]


@dataclass(slots=True)
class Taken:
    """What became of a file of labels."""

    rows: int
    counts: LabelCounts
    """Of those that are not left out."""
    written: int = 0
    """Labels that were not in the log: new and contradictory ones."""
    left_out: int = 0
    """Labels of requests that are not logged: only a share of them is."""
    segments: list[str] = field(default_factory=list)
    """Names of the segments that hold them now."""


def take_labels(log: DeltaLog, project: Project, path: Path, share: float = 1.0) -> Taken:
    """Write the labels of a file to the log, once the whole file has been checked.

    Args:
        log: Where they go.
        project: Whose model.
        path: The file.
        share: Of requests that are logged; labels of the others are left out.

    Raises:
        ConfigurationError: the file, or a row of it, cannot be used; nothing was written.
        ContractError: the log cannot be read.
    """
    labels = read_labels(path, project.task, time.time())
    horizon = project.roles.label_horizon
    taken = Taken(0, LabelCounts.none(horizon))
    parts: list[pl.DataFrame] = []
    while part := list(islice(labels, SEGMENT_ROWS)):
        kept = [astuple(label) for label in part if is_logged(label.request, share)]
        taken.rows += len(part)
        taken.left_out += len(part) - len(kept)
        if kept:
            parts.append(pl.DataFrame(kept, schema=LABEL_SCHEMA, orient="row"))
    for rows in parts:
        fresh = _count(log, project.name, rows, horizon, taken)
        if fresh.height:
            name = f"{Stream.LABELS}-{time.time_ns()}-{os.getpid()}.jsonl"
            # Not when the file was opened: a tick that ran since then has judged without them.
            received = fresh.with_columns(received=pl.lit(time.time()))
            write_atomically(log.folder / project.name / name, _lines(received))
            taken.written += fresh.height
            taken.segments.append(name)
    return taken


def _count(
    log: DeltaLog, model: str, labels: pl.DataFrame, horizon: timedelta | None, taken: Taken
) -> pl.DataFrame:
    """Count what labels bring, and return those that are not in the log yet."""
    with log.reading(model):
        earlier, predicted = log.lazy(model, Stream.LABELS), log.lazy(model, Stream.PREDICTIONS)
        taken.counts += count_labels(labels, earlier, predicted, horizon)
        theirs = earlier.join(labels.lazy(), on=_LABEL, how="semi").select(_LABEL)
        there = theirs.collect(engine="streaming")
    once = labels.unique(_LABEL, keep="first", maintain_order=True)
    return once.join(there, on=_LABEL, how="anti", maintain_order="left")


def _lines(labels: pl.DataFrame) -> bytes:
    return msgspec.json.Encoder().encode_lines([Label(*row) for row in labels.iter_rows()])
