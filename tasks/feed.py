"""Telling the data's owner that a feed is broken, once a window, and that it was mended."""

from collections.abc import Iterable

from sixgates.adapters.wiring import World
from sixgates.gates.drift.look import Look
from sixgates.ledger.feed import BROKEN, MENDED, broken_stretches
from sixgates.ledger.ledger import Kind


def note_feed(world: World, model: str, looks: Iterable[Look]) -> None:
    """Put on record which windows are broken, and which are no longer; gate 1 goes by it."""
    noticed = world.ledger.entries(model, kind=Kind.NOTICE)
    known = {stretch.end for stretch in broken_stretches(noticed)}
    for look in looks:
        window = look.inputs
        if bool(look.faults) is (window.end in known):
            continue
        within = f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
        body: dict[str, object] = {
            "case": MENDED,
            "about": window.end.isoformat(),
            "start": window.start.isoformat(),
        }
        reason = f"the feed of {model} is sound again {within}: its rows may be learnt from"
        if look.faults:
            found = "; ".join(f"{f.fault}: {f.sentence}" for f in look.faults)
            body |= {"case": BROKEN, "faults": [str(f.fault) for f in look.faults]}
            reason = (
                f"the feed of {model} is broken {within}: {found}. Its rows are quarantined and no"
                " retrain is asked for: mend the feed, and the next watch looks again"
            )
        world.ledger.append(model, Kind.NOTICE, at=world.clock.now(), reason=reason, body=body)
