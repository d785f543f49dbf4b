"""Which arm answers a unit: sticky for a release, and nested as the share grows."""

from xxhash import xxh3_64_intdigest

_STEP = 2.0**-53


def bucket(salt: str, unit: str) -> float:
    """Place a unit in [0, 1), evenly and always the same within one salt.

    >>> bucket("release-1", "ada") == bucket("release-1", "ada")
    True
    """
    # The NUL keeps salt and unit apart: ("a", "bc") is not ("ab", "c").
    data = f"{salt}\0{unit}".encode("utf-8", "surrogatepass")
    # 53 bits are what a float holds exactly: 64 could round up to 1.
    return (xxh3_64_intdigest(data) >> 11) * _STEP


def is_beside(salt: str, unit: str, share: float) -> bool:
    """Tell whether the model beside the champion answers this unit.

    A wider share keeps the units of a narrower one; share 0 (or NaN) takes none.

    >>> is_beside("release-1", "ada", 0.0)
    False
    """
    return bucket(salt, unit) < share


def is_shadowed(salt: str, unit: str, sample: float) -> bool:
    """Tell whether a unit is among those whose rows the other model scores too.

    Drawn apart from the split: whom the canary answers says nothing of who is in the sample.
    """
    return sample >= 1 or bucket(f"{salt}\0shadow", unit) < sample
