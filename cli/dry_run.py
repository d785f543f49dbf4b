"""What the watch would have done over the windows that have passed; nothing is recorded."""

import math
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.say import stdout
from sixgates.gates.verdict import number


def dry_run(project: str, data: str | None) -> dict[str, Any]:
    """Judge every window since the champion was trained, by the project's policy as it is now."""
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build
    from sixgates.gates.drift.dry_run import dry_run as judged
    from tasks.look import look_around

    loaded = load_project(project)
    since = look_around(build(), loaded, data, anew=True)
    policy = since.project.policies.watch
    windows = judged(since.after_each_look(), policy)
    return {
        "project": loaded.name,
        "trigger": policy.trigger.on,
        "training_windows": len(since.reference.looks),
        "windows": [
            {
                "end": would.report.window,
                "rows": would.rows,
                "faults": [found.fault for found in would.report.faults],
                "signals": {s.name: {"seen": s.seen, "limit": s.limit, "effect": s.effect,
                                     "floor": s.floor, "alert": s.alert}
                            for s in would.report.signals},
                "would_ask": list(would.by),
                "triggered": would.triggered,
                "since": would.report.since,
                "sentence": would.report.sentence,
            }
            for would in windows
        ],
    }  # fmt: skip


def show_dry_run(found: dict[str, Any]) -> None:
    """Print a row a window: the evidence of each signal against its limit, and what would ask."""
    windows = found["windows"]
    if not windows:
        stdout.print("no window has ended since the champion was trained")
        return
    names = list(next((w["signals"] for w in windows if w["signals"]), {}))
    table = Table(box=None, padding=(0, 1))
    for column in ("window to", "rows", *names, "would ask", f"by {found['trigger']}"):
        table.add_column(column, justify="right" if column in {"rows", *names} else "left")
    for window in windows:
        seen = [_evidence(window["signals"].get(name)) for name in names]
        asks = ", ".join(window["faults"] or window["would_ask"])
        mark = "[yellow]retrain[/]" if window["triggered"] else ""
        end = f"{window['end']:%Y-%m-%d %H:%M}"
        table.add_row(end, f"{window['rows']:,}", *seen, escape(asks), mark)
    stdout.print(table)
    times = sum(window["triggered"] for window in windows)
    stdout.print(
        f"{times} of {len(windows)} windows would have asked for a retrain"
        f" (trigger: {found['trigger']}; evidence as a share of what an alert needs)"
    )


def _evidence(signal: dict[str, Any] | None) -> str:
    if signal is None or signal["seen"] is None:
        return "-"
    # Cut off, not rounded: what is less than an alert needs never reads as all of it.
    share = number(math.floor(1000 * signal["seen"] / signal["limit"]) / 1000)
    return f"[yellow]{share}[/]" if signal["alert"] else share
