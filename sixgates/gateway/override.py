"""A request that chooses its arm, for tests: whoever may operate sends `x-sixgates-arm`.

Nobody drew its arm, so it is logged with epoch 0 and is no evidence.
"""

from sixgates.gates.records import Arm
from sixgates.gateway.protocols.protocol import Refusal
from sixgates.gateway.served import Served


def share_asked(wanted: bytes, served: Served) -> float:
    """Return the share of units by which every row of the request meets the arm it asks for.

    Raises:
        Refusal: 400 where that is no arm that answers here now.
    """
    arm = wanted.decode("latin-1")
    if arm == Arm.CHAMPION:
        return 0.0
    if served.beside is not None and arm == served.beside.arm:
        return 1.0
    arms = [Arm.CHAMPION, *([served.beside.arm] if served.beside else [])]
    raise Refusal(400, f"x-sixgates-arm {arm!r:.40}: {' and '.join(arms)} can answer here now")
