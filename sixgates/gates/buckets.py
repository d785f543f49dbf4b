"""A place in [0, 1) for each name: who is drawn for a share is below it, always the same."""

from xxhash import xxh3_64_intdigest

STEP = 2.0**-53
"""Places lie so far apart: 53 bits are what a float holds exactly, 64 could round up to 1."""


def bucket(salt: str, unit: str) -> float:
    """Place a unit in [0, 1), evenly and always the same within one salt.

    >>> bucket("release-1", "ada") == bucket("release-1", "ada")
    True
    """
    # The NUL keeps salt and unit apart: ("a", "bc") is not ("ab", "c").
    data = f"{salt}\0{unit}".encode("utf-8", "surrogatepass")
    return (xxh3_64_intdigest(data) >> 11) * STEP
