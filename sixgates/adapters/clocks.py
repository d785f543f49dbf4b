"""What time it is: the wall clock in production, a small file in a rehearsal."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sixgates.adapters.atomic_files import write_atomically
from sixgates.gates.errors import ConfigurationError


class WallClock:
    """Event time is the machine's own time."""

    def now(self) -> datetime:
        """Return the present, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class FileClock:
    """Event time is what a file says, so that several processes share one simulated time."""

    path: Path

    def now(self) -> datetime:
        """Return the moment in the file, naive UTC.

        Raises:
            ConfigurationError: the file is missing or holds no moment.
        """
        try:
            moment = datetime.fromisoformat(self.path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as exc:
            raise ConfigurationError(
                f"the clock file {self.path} holds no time ({exc}): write an ISO time in UTC to it"
                " or unset SIXGATES_CLOCK"
            ) from exc
        return _naive(moment)


def set_clock(path: Path, moment: datetime) -> None:
    """Write the moment that `FileClock(path)` then returns; one with a zone is turned to UTC."""
    write_atomically(path, _naive(moment).isoformat().encode())


def minutes_ahead(theirs: float, before: float, after: float) -> int:
    """Return by how many whole minutes a clock is ahead of ours, negative where it is behind.

    Args:
        theirs: What it showed, seconds since 1970.
        before: What ours showed before it was asked.
        after: What ours showed after the answer; how long that took is no fault of a clock.

    >>> minutes_ahead(3_600.0, 0.0, 5.0), minutes_ahead(59.0, 0.0, 0.0)
    (59, 0)
    >>> minutes_ahead(-3_600.0, 0.0, 5.0), minutes_ahead(3.0, 0.0, 5.0)
    (-60, 0)
    """
    lead = max(theirs - after, 0.0) + min(theirs - before, 0.0)
    return int(lead / 60.0)


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
