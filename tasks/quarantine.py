"""Put the rows that gate 1 refused into the quarantine of their model, once it has said so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from sixgates.adapters.dataset_store import read_rows, stored_rows
from sixgates.adapters.effects import Effect, intended, is_open
from sixgates.adapters.quarantine import is_kept, keep_refused, quarantine_of
from sixgates.adapters.wiring import World


def quarantine(
    world: World,
    model: str,
    run: str,
    *,
    event_time: str,
    inputs: Mapping[str, Any],
    refused: pl.DataFrame | None = None,
) -> None:
    """Keep the refused rows of a run for whoever looks for the fault; the same again adds nothing.

    To be called when the verdict is on record: what is kept is then what was judged, whatever the
    source says when a run that died is taken up again.

    Args:
        world: Where to.
        model: Whose rows.
        run: Identifier of the run.
        event_time: Column of event times.
        inputs: What the verdict keeps of what the gate looked at.
        refused: Rows with the rule that refused each; read again where not given.
    """
    if not inputs.get("refused"):
        return
    given = {
        "event_time": event_time, "as_of": inputs["as_of"], "quarantined": inputs["quarantined"]
    }  # fmt: skip
    effect = Effect.KEEP_REFUSED
    if (
        refused is None
        and is_kept(quarantine_of(world.settings.tables, model), run)
        and not is_open(world, effect, model, release=run, given=given)
    ):
        return
    with intended(world, effect, model, release=run, given=given):
        keep(world, model, run, given, refused)


def keep(
    world: World,
    model: str,
    run: str,
    given: Mapping[str, str],
    refused: pl.DataFrame | None = None,
) -> None:
    """Do what the intent of that effect says.

    Raises:
        ContractError: the stored rows are gone or were changed, or the table is not whole.
        TransientError: the table cannot be written now.
    """
    if refused is None:
        refused = read_rows(stored_rows(world.settings.runs, run)[1], given["quarantined"])
    keep_refused(
        quarantine_of(world.settings.tables, model), refused, event_time=given["event_time"],
        run=run, as_of=datetime.fromisoformat(given["as_of"]),
    )  # fmt: skip
