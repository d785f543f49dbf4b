"""Which arm answers a unit: sticky for a release, and nested as the share grows."""

from collections.abc import Sequence
from math import ceil

from xxhash import xxh3_64_intdigest

from sixgates.gates.buckets import STEP, bucket


def is_beside(salt: str, unit: str, share: float) -> bool:
    """Tell whether the model beside the champion answers this unit.

    A wider share keeps the units of a narrower one; share 0 (or NaN) takes none.

    >>> is_beside("release-1", "ada", 0.0)
    False
    """
    return bucket(salt, unit) < share


def beside_of(salt: str, units: Sequence[str], share: float) -> list[int]:
    """Return the places of the units that the model beside the champion answers.

    >>> units = ["ada", "bob", "eve"]
    >>> beside_of("release-1", units, 0.5) == [
    ...     i for i, unit in enumerate(units) if is_beside("release-1", unit, 0.5)
    ... ]
    True
    """
    if not share > 0:
        return []
    # What `bucket` says of each, without a call of it for each of thousands: a digest is below the
    # limit where its bucket is below the share.
    before, limit = f"{salt}\0".encode("utf-8", "surrogatepass"), ceil(share / STEP) << 11
    return [
        i
        for i, unit in enumerate(units)
        if xxh3_64_intdigest(before + unit.encode("utf-8", "surrogatepass")) < limit
    ]


def is_shadowed(salt: str, unit: str, sample: float) -> bool:
    """Tell whether a unit is among those whose rows the other model scores too.

    Drawn apart from the split: whom the canary answers says nothing of who is in the sample.
    """
    return sample >= 1 or bucket(f"{salt}\0shadow", unit) < sample
