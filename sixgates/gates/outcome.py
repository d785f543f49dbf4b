"""What a label may be: judged by the task, and written the same way wherever it comes from.

Free of numpy and polars, because the gateway asks it too.
"""

import math

from sixgates.gates.card import Task, level_key


class OutcomeError(ValueError):
    """A label that no row of such a task has; the message says what it is, and what it is not."""


def outcome(value: object, task: Task) -> str:
    """Return a label as the log has it: a number, or the class, as text.

    Of a binary task it is 0 or 1, of a regression a finite number, also where it comes as text. Of
    a multiclass task any text or number names a class.

    Raises:
        OutcomeError: the task has no such label.

    >>> outcome(True, Task.BINARY), outcome("1.0", Task.BINARY), outcome("0012", Task.MULTICLASS)
    ('1', '1', '0012')
    """
    if isinstance(value, bool):
        value = int(value)
    if task is Task.MULTICLASS:
        if not isinstance(value, (str, int, float)) or not (text := level_key(value)):
            raise _not(value, "a class")
        return text
    number = _number(value)
    if task is Task.BINARY and number not in {0, 1}:
        raise _not(value, "0 or 1")
    if number is None:
        raise _not(value, "a finite number")
    return str(level_key(number))


def _number(value: object) -> int | float | None:
    """Return the finite number that a value is or says, None for any other."""
    try:
        number = float(value) if isinstance(value, str) else value
        return number if isinstance(number, (int, float)) and math.isfinite(number) else None
    except (ValueError, OverflowError):
        return None


def _not(value: object, needed: str) -> OutcomeError:
    return OutcomeError(f"is {value!r:.40} and not {needed}")
