"""Times and shares in words, in their fitting unit."""

import math
from datetime import timedelta

from sixgates.gates.verdict import number

_DAY = timedelta(days=1)


def span(time: timedelta) -> str:
    """Write a time.

    >>> span(timedelta(hours=12)), span(timedelta(days=60))
    ('12 hours', '60 days')
    """
    return span_of_days(time / _DAY)


def about(days: float) -> str:
    """Write a time that was only estimated.

    >>> about(3.0), about(math.inf)
    ('about 3 days', 'more time than can be foreseen')
    """
    return "more time than can be foreseen" if math.isinf(days) else f"about {span_of_days(days)}"


def span_of_days(days: float) -> str:
    """Write a time in its fitting unit.

    >>> span_of_days(0.5), span_of_days(1.0), span_of_days(12.34), span_of_days(math.inf)
    ('12 hours', '1 day', '12.3 days', 'endless time')
    """
    if math.isinf(days):
        return "endless time"
    value, unit = (days, "day") if days >= 1 else (24 * days, "hour")
    text = f"{value:,.1f}".removesuffix(".0")
    return f"{text} {unit}{'' if text == '1' else 's'}"


def percent(share: float) -> str:
    """Write a share.

    >>> percent(0.05), percent(0.002)
    ('5 %', '0.2 %')
    """
    return f"{number(100 * share)} %"
