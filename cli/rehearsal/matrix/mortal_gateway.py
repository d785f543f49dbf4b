"""A gateway that dies around one of its records: `python -m cli.rehearsal.matrix.mortal_gateway`.

It is the real one in all else. Where it dies is said by `SIXGATES_KILL_AT_RECORD`, such as
`labels:torn:3`: at the third time it writes labels, with half of them written.
"""

import os
import signal
import sys
from collections import Counter
from enum import StrEnum
from itertools import product

from sixgates.gateway import log
from sixgates.gateway.__main__ import main

KILL_AT_RECORD = "SIXGATES_KILL_AT_RECORD"


class Record(StrEnum):
    """When, around a write to the log, a gateway may die."""

    BEFORE = "before"
    """Nothing is written, nothing acknowledged."""
    TORN = "torn"
    """A part is written, nothing acknowledged."""
    AFTER = "after"
    """All is written, nothing acknowledged."""


KINDS = ("predictions", "labels")
"""What a gateway writes."""
RECORDS = tuple(f"{kind}:{record}" for kind, record in product(KINDS, Record))
"""Every moment at which what a gateway acknowledges can be lost or doubled."""


def make_mortal(place: str) -> None:
    """Let this process die at a place, such as `labels:torn:3`."""
    written = log.SegmentLog.append
    times: Counter[str] = Counter()

    def append(self: log.SegmentLog, lines: bytes) -> log.Written:
        kind = self._kind
        times[kind] += 1
        here = f"{kind}:{{}}:{times[kind]}"
        if place == here.format(Record.BEFORE):
            _die()
        if place == here.format(Record.TORN):
            written(self, lines[: len(lines) // 2])
            _die()
        done = written(self, lines)
        if place == here.format(Record.AFTER):
            _die()
        return done

    log.SegmentLog.append = append  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    make_mortal(os.environ.get(KILL_AT_RECORD, ""))
    sys.exit(main())
