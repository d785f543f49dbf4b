"""What a tick has to do with a model now: of hundreds, most are idle."""

from datetime import datetime
from enum import Enum
from zlib import crc32

from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind

IDLE_MINUTES = 10
"""So often an idle model is looked at all the same: somebody may have moved a mark of it."""


class Due(Enum):
    """What is to be done with a model."""

    TICK = "a whole tick"
    LOOK = "a look whether all is as the ledger says"
    NOTHING = "nothing"


def due(world: World, model: str, now: datetime) -> Due:
    """Say what is to be done: a tick where something is open, unfinished or unproved.

    Args:
        world: Whose ledger is asked, and nobody else.
        model: Name of the model.
        now: Wall clock, naive UTC: looks at idle models are spread evenly over the minutes.
    """
    route = world.ledger.route(model)
    if route is None:
        return Due.NOTHING
    if route.is_open or world.ledger.unfinished(model):
        return Due.TICK
    proof = next(iter(world.ledger.newest(model, {Kind.PROOF})), None)
    if proof is None or proof.body["epoch"] != route.epoch:
        return Due.TICK
    if not proof.body["proved"] and world.ledger.gateways(model):
        return Due.TICK
    minute = (now.hour * 60 + now.minute) % IDLE_MINUTES
    return Due.LOOK if minute == crc32(model.encode()) % IDLE_MINUTES else Due.NOTHING
