"""How long something takes, as a person writes it into a project file."""

from datetime import timedelta

LONGEST = timedelta(days=36_500)
"""Further back than this no moment is looked for: a calendar has an end."""


def with_its_unit(given: object) -> object:
    """Refuse a bare number for a time: read as seconds, a label horizon of 7 would be no week.

    Raises:
        ValueError: it is one.
    """
    if isinstance(given, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic takes no TypeError for a refusal
            f'{given} has no unit: write timedelta(days={given}), or text such as "P7D" or "7 days"'
        )
    return given
