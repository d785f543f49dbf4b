"""Which segments are sealed: nobody will ever write to them again.

A gateway holds a lock on the segment that it writes, from before its first byte. The kernel lets
go of it when the gateway closes the segment, or dies. So one with bytes in it whose lock can be had
is sealed for ever. One without any may have been made a moment ago, and is let be.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sixgates.adapters.log_records import Stream

BATCH_BYTES = 64 * 2**20
"""A batch ends with the segment that fills it: what one commit holds in memory is bounded."""
BATCH_SEGMENTS = 256
"""A batch holds no more: each is an open file."""
_ABANDONED_SECONDS = 3600.0
"""One that is still empty after so long was left by a gateway that died at its beginning."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A segment that is ours alone until its batch is done with."""

    path: Path
    file: IO[bytes]

    def lines(self) -> tuple[bytes, bytes]:
        """Return its whole lines, and what was torn off behind them."""
        self.file.seek(0)
        content = self.file.read()
        end = content.rfind(b"\n") + 1
        return content[:end], content[end:]


def batches(folder: Path, stream: Stream) -> Iterator[list[Sealed]]:
    """Yield the sealed segments of a stream in order of their names, each locked for its batch."""
    paths = iter(sorted(folder.glob(f"{stream}-*.jsonl")))
    while True:
        with ExitStack() as held:
            batch, size = [], 0
            for path in paths:
                file = _locked(path)
                if file is None:
                    continue
                batch.append(Sealed(path, held.enter_context(file)))
                size += os.fstat(file.fileno()).st_size
                if size >= BATCH_BYTES or len(batch) >= BATCH_SEGMENTS:
                    break
            if not batch:
                return
            yield batch


def is_sealed(path: Path) -> bool:
    """Whether nobody will write to a segment any more, as far as can be known now."""
    file = _locked(path)
    if file is None:
        return False
    file.close()
    return True


def _locked(path: Path) -> IO[bytes] | None:
    """Open a sealed segment and lock it; None where it is not sealed, or just gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    if _lock(file):
        return file
    file.close()
    return None


def _lock(file: IO[bytes]) -> bool:
    about = os.fstat(file.fileno())
    if about.st_size == 0 and time.time() - about.st_mtime < _ABANDONED_SECONDS:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0  # or another committer was faster
