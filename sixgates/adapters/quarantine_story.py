"""What a run refused, for a person: by rule how many rows, from when to when, and examples."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from sixgates.adapters.quarantine import quarantine_of, rows_of_run
from sixgates.adapters.quarantine_rows import Refusal
from sixgates.adapters.wiring import World
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Entry, Kind

EXAMPLES = 3
"""So many rows of a rule are shown, the newest ones."""
_NAMED = 5
"""So many runs or rules an error names."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What one rule refused in the run."""

    rule: str
    rows: int
    """All of them."""
    kept: int
    """Those in the table."""
    first: str | None
    """Oldest event time, naive UTC; None where no row has one."""
    last: str | None
    examples: list[dict[str, Any]]
    """Of the newest kept rows: `event_time`, `digest` and the `row` itself."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What gate 1 refused in one run."""

    model: str
    run: str
    """Empty where no run has refused anything."""
    as_of: str
    outcome: str
    """What gate 1 said of the run in spite of it, or because of it."""
    rows: int
    """Refused rows of all rules, whichever are asked for."""
    rules: list[Refused]
    """Most rows first."""
    runs: dict[str, int]
    """Refused rows of each run that refused any, newest first."""


def look_at_quarantine(
    world: World, model: str, run: str | None = None, rule: str | None = None
) -> Quarantined:
    """Return what a run refused. Numbers are the ledger's, examples come from the table.

    Args:
        world: Whose ledger and tables.
        model: Whose runs.
        run: Which one; the newest that refused anything where not given.
        rule: Part of the name of the rules that are asked for; all where not given.

    Raises:
        ConfigurationError: there is no such run or rule.
        ContractError: the table is not whole.
    """
    said = {e.release: e for e in _verdicts(world, model)}
    runs = {name: sum(r.rows for r in _refusals(e)) for name, e in said.items()}
    refusing = {name: rows for name, rows in reversed(runs.items()) if rows}
    if run is not None and run not in said:
        raise ConfigurationError(
            f"gate 1 has judged no run {run!r} of {model}: choose from"
            f" {_some(list(reversed(said)))}"
        )
    chosen = run or next(iter(refusing), None)
    if chosen is None:
        return Quarantined(model, "", "", "", 0, [], {})
    entry = said[chosen]
    refusals = [r for r in _refusals(entry) if rule is None or rule in r.rule]
    if rule is not None and not refusals:
        raise ConfigurationError(
            f"no rule of run {chosen} has {rule!r} in its name: choose from"
            f" {_some([r.rule for r in _refusals(entry)])}"
        )
    kept = rows_of_run(quarantine_of(world.settings.tables, model), chosen)
    return Quarantined(
        model, chosen, str(entry.body["inputs"]["as_of"]), str(entry.body["outcome"]),
        runs[chosen], [_refused(r, kept.filter(pl.col("rule") == r.rule)) for r in refusals],
        refusing,
    )  # fmt: skip


def _verdicts(world: World, model: str) -> list[Entry]:
    verdicts = world.ledger.entries(model, kind=Kind.VERDICT)
    return [e for e in verdicts if e.body["gate"] == Gate.VALIDATE]


def _refusals(verdict: Entry) -> list[Refusal]:
    """Return what is on record; verdicts from before this was kept have nothing."""
    return [Refusal(**given) for given in verdict.body["inputs"].get("refused", [])]


def _refused(refusal: Refusal, kept: pl.DataFrame) -> Refused:
    examples = [
        {
            "event_time": time and time.replace(tzinfo=None).isoformat(),
            "digest": digest,
            "row": json.loads(row),
        }
        for time, digest, row in kept.select("event_time", "digest", "row").tail(EXAMPLES).rows()
    ]
    rule, rows, first, last = refusal
    return Refused(rule, rows, kept.height, first, last, examples)


def _some(names: list[str]) -> str:
    rest = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED]) or "none"
    return shown + (f" and {rest} more" if rest > 0 else "")
