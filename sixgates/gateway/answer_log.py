"""When an answer is in the log: before it is sent, or some milliseconds later."""

import asyncio
import time
from enum import StrEnum

from sixgates.gates.records import rows_in
from sixgates.gateway.log import SegmentLog
from sixgates.gateway.losses import Losses
from sixgates.ledger.route import Route

LATE_SECONDS = 0.02
"""In mode `async`, a record is in the log this long after its answer at the latest, but for what
the event loop does meanwhile."""
_LATE_BYTES = 64 * 1024
"""So much is not kept waiting: a thousand rows are written at once."""


class LogMode(StrEnum):
    """What an acknowledged answer promises."""

    REPLY_AFTER_COMMIT = "reply-after-commit"
    """It is in the log: `kill -9` loses none."""
    ASYNC = "async"
    """It soon will be: `kill -9` loses those of the last `LATE_SECONDS`."""


class AnswerLog:
    """Logs answers in one of the modes. To be used from the event loop's thread."""

    def __init__(self, log: SegmentLog, mode: LogMode, losses: Losses) -> None:
        """Append to a log, which is closed with this one, and count what it does not take."""
        self._log = log
        self._late = mode is LogMode.ASYNC
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._answers = 0
        self._since = 0.0
        self._route: Route | None = None
        self.losses = losses

    @property
    def failure(self) -> str:
        """Why the newest write failed, empty while the log is well."""
        return self._log.failure

    def append(self, lines: bytes, answers: int, route: Route) -> None:
        """Log the records of some answers under a route; a full disk never stops an answer."""
        if not self._late:
            self._append(lines, answers, route)
            return
        if route is not self._route:
            self.flush()
            self._route = route
        if not self._waiting:
            self._since = time.monotonic()
            asyncio.get_running_loop().call_later(LATE_SECONDS, self.flush)
        self._waiting.append(lines)
        self._bytes += len(lines)
        self._answers += answers
        if self._bytes >= _LATE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Log what waits."""
        if not self._waiting or self._route is None:
            return
        lines, answers = b"".join(self._waiting), self._answers
        self._waiting, self._bytes, self._answers = [], 0, 0
        self._append(lines, answers, self._route)

    def _append(self, lines: bytes, answers: int, route: Route) -> None:
        written = self._log.append(lines)
        if written.lost:
            self.losses.add(route, min(rows_in(written.lost), answers), written.reason)

    def lag(self) -> float:
        """Return the age in seconds of the oldest record that is not in the log yet."""
        return time.monotonic() - self._since if self._waiting else 0.0

    def roll(self) -> None:
        """Seal the segment if it is old."""
        self._log.roll()

    def close(self) -> None:
        """Log what waits, and seal the segment."""
        self.flush()
        self._log.close()
