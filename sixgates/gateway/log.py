"""Where answers and labels are kept: JSON lines that survive the process, segment after segment.

A record is written with one `write` on an append-only file before it is acknowledged: what the
kernel holds survives `kill -9`. A torn line is always the last of its segment.

The segment that is written is locked (`flock`), which ends with the process too: one that can be
locked is sealed, and nobody writes to it again.
"""

import fcntl
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sixgates.gates.errors import ConfigurationError

SEGMENT_BYTES = 64 * 2**20
"""A segment that has reached this size is followed by a new one."""
SEGMENT_SECONDS = 60.0
"""One that holds something and is this old is sealed, so that it can go into the tables."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of some lines."""

    lost: bytes
    """Lines that are not whole in the log."""
    reason: str
    """Why, empty where all are there."""


_ALL = Written(b"", "")


class SegmentLog:
    """Appends lines of one kind. To be used from one thread."""

    def __init__(self, folder: Path, kind: str) -> None:
        """Append to `<folder>/<kind>-<start ns>-<pid>.jsonl`.

        Raises:
            ConfigurationError: the folder cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ConfigurationError(
                f"the log folder {folder} cannot be made ({exc.strerror}): choose another with"
                " --log"
            ) from exc
        self._folder = folder
        self._kind = kind
        self._fd: int | None = None
        self._size = 0
        self._opened = 0.0
        self.failure = ""
        """Why the newest write failed, empty while the log is well."""

    def append(self, lines: bytes) -> Written:
        """Write whole lines; never raises, says instead which were lost."""
        done, reason = self._write(lines)
        if not (reason or self.failure):
            return _ALL
        if reason and not self.failure:
            _logger.error("%s cannot be logged: %s", self._kind, reason)
        elif self.failure and not reason:
            _logger.warning("%s are logged again", self._kind)
        self.failure = reason
        return Written(lines[lines.rfind(b"\n", 0, done) + 1 :], reason)

    def roll(self) -> None:
        """Seal the segment if it is old, whether or not anything more comes."""
        if self._size and time.monotonic() - self._opened >= SEGMENT_SECONDS:
            self.close()

    def close(self) -> None:
        """Seal the segment."""
        fd, self._fd = self._fd, None
        self._size = 0
        if fd is not None:
            with suppress(OSError):  # Its lines are in the kernel's hands whatever close says.
                os.close(fd)

    def _write(self, lines: bytes) -> tuple[int, str]:
        try:
            if self._fd is None or self._size >= SEGMENT_BYTES:
                self._open()
            assert self._fd is not None  # noqa: S101 - for the type checker; _open sets it
            done = os.write(self._fd, lines)
        except OSError as exc:
            self._leave_torn()
            return 0, f"{exc.strerror} in {self._folder}: make room or repair the disk"
        self._size += done
        if done < len(lines):
            self.close()  # The next line must not follow a torn one.
            return done, f"the disk under {self._folder} took a part only: make room"
        return done, ""

    def _open(self) -> None:
        self.close()
        name = f"{self._kind}-{time.time_ns()}-{os.getpid()}.jsonl"
        new = self._folder / f".{name}"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            # Under a name nobody looks for until it is locked: one that is not counts as sealed.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._folder / name)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self._opened = time.monotonic()

    def _leave_torn(self) -> None:
        """Leave the segment unless the failed write left no trace in it.

        Without that exception a full disk would gain an empty segment with every request.
        """
        if self._fd is None:
            return
        try:
            if os.fstat(self._fd).st_size == self._size:
                return
        except OSError:
            _logger.exception("the segment in %s is lost; a new one begins", self._folder)
        self.close()
