"""Where a walk can die, found in what it did when nobody killed it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cli.rehearsal.matrix.writes import KILL_AT_WRITE
from sixgates.adapters.effects import KILL_AT, Effect, Point


@dataclass(frozen=True, slots=True)
class Death:
    """One place to die at."""

    name: str
    environment: Mapping[str, str]
    """What a walk must find in its environment to die there."""

    @property
    def is_write(self) -> bool:
        """Whether it is before a write, and not around an effect."""
        return KILL_AT_WRITE in self.environment


def deaths(intents: Mapping[str, int], writes: int) -> Iterator[Death]:
    """Yield every place: around each effect that was intended, and before each write.

    Args:
        intents: Effect to how often the walk intended it.
        writes: Commits and files put in their places.
    """
    for effect in Effect:
        for n in range(1, intents.get(effect, 0) + 1):
            for point in Point:
                place = f"{effect}:{point}:{n}"
                yield Death(place, {KILL_AT: place})
    for n in range(1, writes + 1):
        yield Death(f"write {n}", {KILL_AT_WRITE: str(n)})
