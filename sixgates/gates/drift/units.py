"""What a column's numbers are multiplied by, and then raised by, when somebody changes its unit.

Any factor from five on is one, whether it is known here by name or not. Smaller ones are not: a
world can grow by as much, and the numbers alone do not tell kilometres for miles from sixty per
cent more.
"""

from sixgates.gates.verdict import number

LEAST_FACTOR = 5.0
_CLOSE = 0.03
"""Part of a factor by which it may be off and still be called by its name."""
_NAMES = {
    10.0: "tenths",
    12.0: "months for years",
    24.0: "hours for days",
    39.3701: "inches for metres",
    60.0: "seconds for minutes",
    100.0: "hundredths (cents, per cent)",
    365.25: "days for years",
    1_000.0: "thousandths",
    1_024.0: "units for binary thousands of them",
    3_600.0: "seconds for hours",
    1e6: "millionths",
}
NAMED_FACTORS = tuple(_NAMES)

OTHER_CONVERSIONS: dict[str, tuple[float, float]] = {
    "the opposite sign": (-1.0, 0.0),
    "degrees Fahrenheit for Celsius": (1.8, 32.0),
    "degrees Celsius for Fahrenheit": (1 / 1.8, -32 / 1.8),
    "kelvin for degrees Celsius": (1.0, 273.15),
    "degrees Celsius for kelvin": (1.0, -273.15),
}
"""Those that are no mere factors: by name, factor and offset, new = old * factor + offset."""


def factor_name(factor: float) -> str:
    """Say what multiplies numbers so.

    >>> factor_name(0.01), factor_name(7.46)
    ('hundredths (cents, per cent), the other way round', 'about 7.46 times as much')
    """
    size = max(factor, 1 / factor)
    nearest = min(_NAMES, key=lambda known: abs(known / size - 1))
    if abs(nearest / size - 1) > _CLOSE:
        return f"about {number(round(factor, 4))} times as much"
    return _NAMES[nearest] if factor > 1 else f"{_NAMES[nearest]}, the other way round"
