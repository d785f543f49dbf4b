"""What would the gates have said under another policy? Every stored verdict, judged again."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from cli.policy_changes import changed, read_changes, told
from cli.recompute import Archive
from cli.say import stderr, stdout
from sixgates.gates.errors import PipelineError
from sixgates.gates.verdict import Verdict
from sixgates.ledger.ledger import Entry, Kind

_QUIET_SECONDS = 2.0
_WIDTHS = {
    "when": 10, "release": 8, "gate": 8, "stored": 12, "now": 12, "": 5, "reason now": None,
}  # fmt: skip
"""Columns of the table: narrow ones, so that the reason gets the rest of the terminal."""
_SHORT = 60
"""Characters of a reason that did not change anything."""
_SAME = 1e-9
"""Relative difference below which two figures are the same: sums may be taken in another order."""


def replayed(project: str, policy: Sequence[str]) -> dict[str, Any]:
    """Return every stored verdict beside what its gate says under the changed policies.

    Args:
        project: Name or path of the project file.
        policy: Changes, `<policy>.<field>=<value>` each.

    Raises:
        ConfigurationError: a change names nothing that exists, or gives it no allowed value.
    """
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    loaded, changes = load_project(project), read_changes(policy)
    under = changed(loaded, changes)  # a bad value is said before anything is read
    world = build()
    archive = Archive(world, loaded, changes)
    entries = world.ledger.entries(loaded.name, kind=Kind.VERDICT)
    rows = [_row(archive, entry) for entry in _telling(entries)]
    return {
        "project": loaded.name,
        "policy": told(under, changes),
        "verdicts": rows,
        "flips": sum(row["flips"] is True for row in rows),
        "not_recomputed": sum(row["replayed"] is None for row in rows),
    }


def show_replayed(found: dict[str, Any]) -> None:
    """Show it to a person."""
    changes = ", ".join(f"{name} = {value}" for name, value in found["policy"].items())
    title = f"{found['project']} under {changes or 'its present policies'}"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column, width in _WIDTHS.items():
        table.add_column(column, overflow="fold", width=width)
    for row in found["verdicts"]:
        mark = {True: "[red]flips[/]", False: "same", None: "[yellow]?[/]"}[row["flips"]]
        table.add_row(
            row["at"][:16].replace("T", " "), row["release"], row["gate"], *_outcomes(row), mark,
            escape("; ".join(row["because"]) or _short(row["reason"])),
        )  # fmt: skip
    stdout.print(table)
    for sentence in _summary(found):
        stdout.print(sentence, highlight=False, soft_wrap=True)


def _row(archive: Archive, entry: Entry) -> dict[str, Any]:
    stored = Verdict.from_dict(entry.body)
    row = {
        "release": entry.release,
        "gate": stored.gate,
        "at": entry.at.isoformat(),
        "stored": stored.outcome,
        "stored_move": entry.body.get("move"),
    }
    try:
        now = archive.recompute(entry)
    except (PipelineError, OSError) as exc:
        reason = f"could not be recomputed: {' '.join(str(exc).split())}"
        return row | {
            "replayed": None, "move": None, "flips": None, "differs": [], "because": [reason],
            "reason": reason,
        }  # fmt: skip
    return row | {
        "replayed": now.verdict.outcome,
        "move": now.move,
        "flips": now.verdict.outcome is not stored.outcome,
        "differs": _differing(stored, now.verdict),
        "because": _turned(stored, now.verdict),
        "reason": now.verdict.reason,
    }


def _turned(stored: Verdict, now: Verdict) -> list[str]:
    """Return the sentences of the checks that do not say what they said."""
    then = {check.name: check.outcome for check in stored.checks}
    return [c.sentence for c in now.checks if then.get(c.name) is not c.outcome]


def _differing(stored: Verdict, now: Verdict) -> list[str]:
    """Return the checks whose seen figure is not the stored one, or that only one of them has."""
    then, seen = ({c.name: c.seen for c in verdict.checks} for verdict in (stored, now))
    names = dict.fromkeys((*then, *seen))
    return [n for n in names if n not in then or n not in seen or not _same(then[n], seen[n])]


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_SAME) or (math.isnan(one) and math.isnan(other))


def _telling(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Say on stderr how far it is, where it takes its time."""
    said = time.monotonic()
    for done, entry in enumerate(entries):
        if time.monotonic() - said > _QUIET_SECONDS:
            said = time.monotonic()
            stderr.print(f"{done} of {len(entries)} verdicts recomputed", highlight=False)
        yield entry


def _outcomes(row: dict[str, Any]) -> tuple[str, str]:
    """Return what was said and what is said now, with the moves where they differ."""
    if row["replayed"] is None:
        return row["stored"], "unknown"
    if row["stored_move"] in {None, row["move"]}:
        return row["stored"], row["replayed"]
    return (
        f"{row['stored']}\n{row['stored_move'].replace('_', ' ')}",
        f"{row['replayed']}\n{row['move'].replace('_', ' ')}",
    )


def _short(reason: str) -> str:
    return reason if len(reason) <= _SHORT else f"{reason[: _SHORT - 1]}…"


def _summary(found: dict[str, Any]) -> Iterator[str]:
    rows, unknown = found["verdicts"], found["not_recomputed"]
    done = [row for row in rows if row["replayed"] is not None]
    yield f"{_verdicts(len(done))} recomputed, {found['flips']} would flip"
    moved = [
        row for row in done
        if not row["flips"] and row["stored_move"] and row["stored_move"] != row["move"]
    ]  # fmt: skip
    if moved:
        yield f"{len(moved)} would keep the outcome and move otherwise"
    if not found["policy"] and any(row["differs"] for row in done):
        differing = sum(bool(row["differs"]) for row in done)
        yield f"{_verdicts(differing)} with other figures than stored: the project or code changed"
    if unknown:
        yield f"[yellow]{_verdicts(unknown)} could not be recomputed[/]"


def _verdicts(n: int) -> str:
    return f"{n:,} verdict{'' if n == 1 else 's'}"
