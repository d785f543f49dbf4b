"""What a column's numbers are multiplied by, and then raised by, when somebody changes its unit.

Factors below five are not among them: a world can grow by as much, and the numbers alone do not
tell kilometres for miles from sixty per cent more.
"""

_FACTORS = {
    "tenths": 10.0,
    "hundredths (cents, per cent)": 100.0,
    "thousandths": 1_000.0,
    "millionths": 1e6,
    "seconds for minutes": 60.0,
    "seconds for hours": 3_600.0,
    "hours for days": 24.0,
    "inches for metres": 39.3701,
}

CONVERSIONS: dict[str, tuple[float, float]] = {
    **{name: (factor, 0.0) for name, factor in _FACTORS.items()},
    **{f"{name}, the other way round": (1 / factor, 0.0) for name, factor in _FACTORS.items()},
    "the opposite sign": (-1.0, 0.0),
    "degrees Fahrenheit for Celsius": (1.8, 32.0),
    "degrees Celsius for Fahrenheit": (1 / 1.8, -32 / 1.8),
    "kelvin for degrees Celsius": (1.0, 273.15),
    "degrees Celsius for kelvin": (1.0, -273.15),
}
"""By name, the factor and the offset: new = old * factor + offset."""
