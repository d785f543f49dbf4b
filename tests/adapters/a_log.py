"""A log with segments and tables, beside a copy of its segments from which nothing is deleted."""

import fcntl
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import msgspec
import polars as pl
from polars.testing import assert_frame_equal

from sixgates.adapters.compaction import compact_log
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.log_records import Stream
from sixgates.adapters.segment_log import SegmentLog
from sixgates.gates.errors import TransientError
from sixgates.gates.records import Arm, Label, Prediction

MODEL = "churn"
LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 - event time is naive UTC
HORIZON = timedelta(seconds=100)


def prediction(request, at=1_000.0, **changes):
    given = {
        "request": request, "row": 0, "entity": f"e{request}", "at": at, "epoch": 3,
        "arm": Arm.CANARY, "version": "7", "values": (0.1 + 0.2, float("nan")), "error": "",
        "micros": 14.5, "received": 2_000.0 + at, "share": 0.25,
    }  # fmt: skip
    return msgspec.json.encode(Prediction(**{**given, **changes})) + b"\n"


def label(request, text="1", received=0.0, at=5_000.0):
    return msgspec.json.encode(Label(request, 0, text, at, received)) + b"\n"


class ALog:
    """What is written goes to both; only the first is ever compacted."""

    def __init__(self, home, tables=None):
        self.home, self.tables = home, tables or home / "tables"
        self.folder, self.copy = home / "log" / MODEL, home / "copy" / MODEL
        for folder in (self.folder, self.copy):
            folder.mkdir(parents=True, exist_ok=True)
        self.log = DeltaLog(home / "log", self.tables)

    def write(self, name, *lines):
        """Append to a segment that nobody holds: it is sealed."""
        for folder in (self.folder, self.copy):
            with (folder / f"{name}.jsonl").open("ab") as file:
                file.write(b"".join(lines))

    @contextmanager
    def held(self, name):
        """Hold a segment as the gateway that writes it does."""
        with (self.folder / f"{name}.jsonl").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def compact(self, horizon=HORIZON):
        return compact_log(self.log, MODEL, horizon, lambda: None)

    def compact_at_last(self):
        """Compact as the next run would, after one that another was faster than."""
        with suppress(TransientError):
            return self.compact()
        return self.compact()

    def segments(self):
        return sorted(path.stem for path in self.folder.glob("*.jsonl"))

    def table(self, stream):
        return self.log.table(MODEL, stream)

    def stored(self, stream):
        """Segment and line of each row of a table, in no order."""
        return self.table(stream).scan().select("segment", "line").collect().rows()

    def assert_whole(self, log=None):
        """Each row is read once, in the order and with the first labels of the segments alone."""
        seen = log or DeltaLog(self.home / "log", self.tables)
        alone = SegmentLog(self.home / "copy")
        since = LONG_AGO + timedelta(seconds=500)
        for given in (LONG_AGO, since):
            assert_frame_equal(
                seen.predictions(MODEL, given), alone.predictions(MODEL, given), check_exact=True
            )
        for given in (None, LONG_AGO + timedelta(seconds=1)):
            assert_frame_equal(
                seen.labels(MODEL, given), alone.labels(MODEL, given), check_exact=True
            )

    def assert_all_in_tables(self):
        """No row is missing in the tables or there twice, and no segment is left."""
        assert self.segments() == []
        alone = SegmentLog(self.home / "copy")
        for stream in Stream:
            kept = [rows.select("segment", "line") for rows in alone.read(MODEL, stream).values()]
            expected = pl.concat(kept).rows() if kept else []
            assert sorted(self.stored(stream)) == sorted(expected)
