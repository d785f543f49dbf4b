"""Which requests are logged where a gateway keeps a share of them only.

A request is in or out by its identifier alone: a label names nothing else, and comes when its
release may be over.
"""

from sixgates.gates.buckets import bucket

# No release is named so: the draw is apart from each one's split and shadow.
_SALT = "\0log"


def is_logged(request: str, share: float) -> bool:
    """Tell whether a request is among those that are logged, with all its rows and labels.

    A wider share keeps the requests of a narrower one.

    Args:
        request: Its identifier.
        share: Of requests that are logged, in (0, 1].

    >>> is_logged("order-7", 1.0)
    True
    """
    return share >= 1 or bucket(_SALT, request) < share
