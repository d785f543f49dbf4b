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


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
