"""A guess: what is said of a column or a setting, and why."""

from dataclasses import dataclass

UNKNOWN_TIME = "which_column_is_the_event_time"
UNKNOWN_LABEL = "which_column_is_the_label"
"""What stands in a draft where nothing could be guessed. `sixgates check` refuses both by name."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What is said, and the reason, for a person to look at."""

    value: str
    """A column's name, or a setting as it stands in the project file."""
    why: str
    """A sentence without its full stop."""
