"""Which models a tick must look at now: of hundreds, most are idle."""

from datetime import datetime
from zlib import crc32

from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind

IDLE_MINUTES = 10
"""So often an idle model is looked at all the same: somebody may have moved a mark of it."""


def is_due(world: World, model: str, now: datetime) -> bool:
    """Whether something of a model is open, unfinished or unproved, or its minute has come.

    Args:
        world: Whose ledger is asked, and nobody else.
        model: Name of the model.
        now: Wall clock, naive UTC: idle models are spread evenly over the minutes.
    """
    route = world.ledger.route(model)
    if route is None:
        return False
    if route.is_open or world.ledger.unfinished(model):
        return True
    proof = next(iter(world.ledger.newest(model, {Kind.PROOF})), None)
    if proof is None or proof.body["epoch"] != route.epoch:
        return True
    if not proof.body["proved"] and world.ledger.gateways(model):
        return True
    return (now.hour * 60 + now.minute) % IDLE_MINUTES == crc32(model.encode()) % IDLE_MINUTES
