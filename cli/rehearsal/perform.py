"""The rehearse command: choose, play with live progress, report, and say whether it ended well."""

import math
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.rehearsal.job import Job
from cli.rehearsal.progress import Progress
from cli.rehearsal.rehearse import Rehearsed, clear, new_home, rehearse
from cli.say import Code, show, stderr, stdout
from sixgates.adapters.report_page import write_report
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.verdict import numbers


def perform(
    names: list[str],
    *,
    project: str | None,
    data: str | None,
    parent: Path,
    keep: bool,
    virtual: bool,
    full: bool,
    every: bool,
    as_json: bool,
) -> Code:
    """Play what was asked for and return the exit code."""
    if virtual and (keep or full):
        option = "--keep" if keep else "--stack"
        raise ConfigurationError(f"--virtual starts no servers, so there is nothing for {option}")
    chosen = _job(names, project, data, every=every)
    job = replace(chosen, keep=keep, virtual=virtual, full=full)
    if full:
        from cli.rehearsal.full.needed import require_all

        require_all()
    home = new_home(parent)
    stderr.print(f"everything of this rehearsal is kept in [bold]{home}[/]")
    shown = job.plays if virtual else ("servers", *job.plays)
    with Progress(shown, live=not as_json and stderr.is_terminal) as progress:

        def stay_up(addresses: dict[str, str]) -> None:
            progress.stop()
            _wait_for_interrupt(addresses)

        done = rehearse(job, home, progress.line, stay_up)
    report = home / "report.html"
    # Drawing keeps a font cache, which belongs with the rest.
    os.environ.setdefault("MPLCONFIGDIR", str(home / "tmp"))
    write_report(report, "Rehearsal", _in_order(job, done), done.errors)
    clear(home)
    document = _document(job, done, report)
    show(document, as_json=as_json, human=lambda: _tell(job, done, report))
    if done.errors:
        return Code.UNKNOWN
    return Code.DONE if all(map(_well, done.results.values())) else Code.UNEXPECTED


def show_catalogue(*, as_json: bool) -> None:
    """Show every scenario: its name, what it teaches, and how it must end."""
    from simulation.catalogue import CATALOGUE

    rows = [{"scenario": s.name, "teaches": s.teaches, "expected": s.expected} for s in CATALOGUE]

    def human() -> None:
        table = Table(title="Scenarios", title_justify="left")
        for column in ("scenario", "what it teaches", "expected end"):
            table.add_column(column, no_wrap=column == "scenario")
        for row in rows:
            table.add_row(*map(str, row.values()))
        stdout.print(table)

    show({"scenarios": rows}, as_json=as_json, human=human)


def _job(names: list[str], project: str | None, data: str | None, *, every: bool) -> Job:
    from simulation.catalogue import CATALOGUE, scenario_of
    from simulation.catalogue.core import CORE
    from sixgates.adapters.lake.choose import absolute
    from sixgates.adapters.lake.project_lake import ProjectLake
    from sixgates.adapters.project_files import load_project

    if project is not None:
        if names or every:
            raise ConfigurationError("give scenarios or --project, not both")
        ProjectLake(load_project(project), data).check()
        address = None if data is None else absolute(data)
        return Job(project=_address(project), data=address)
    if data is not None:
        raise ConfigurationError("--data needs --project: say whose history it is")
    if every:
        if names:
            raise ConfigurationError("give scenarios or --all, not both")
        return Job(scenarios=tuple(s.name for s in CATALOGUE))
    # Which refuses what it does not know.
    called = Counter(scenario_of(name).name for name in names)
    if twice := [name for name, times in called.items() if times > 1]:
        raise ConfigurationError(
            f"two scenarios are called {twice[0]}: each keeps ledger, project and data under its"
            " name, so give another to one of them"
        )
    return Job(scenarios=tuple(map(_address, names)) or tuple(s.name for s in CORE))


def _address(name: str) -> str:
    """Make a path absolute, so that other processes find it; leave a name as it is."""
    is_path = name.endswith(".py") or "/" in name
    return str(Path(name).resolve()) if is_path else name


def _document(job: Job, done: Rehearsed, report: Path) -> dict[str, Any]:
    paths = {
        "home": str(done.home),
        "report": str(report),
        "servers": done.servers,
        "errors": done.errors,
    }
    if job.project:
        return {**next(iter(done.results.values()), {"project": job.project}), **paths}
    return {"scenarios": list(_in_order(job, done).values()), **paths}


def _in_order(job: Job, done: Rehearsed) -> dict[str, dict[str, Any]]:
    return {name: done.results[name] for name in job.plays if name in done.results}


def _tell(job: Job, done: Rehearsed, report: Path) -> None:
    results = _in_order(job, done)
    _table(results)
    for name, error in done.errors.items():
        stdout.print(f"[red]{name} could not be played:[/] {escape(error)}")
    if job.full:
        for name, address in done.servers.items():
            stdout.print(f"{name}: {address}", soft_wrap=True)
        for name, r in results.items():
            before = f"{name}: nginx at {r['address']} before {', '.join(r['gateways'])}"
            stdout.print(before, soft_wrap=True)
    stdout.print(f"report: {report}", soft_wrap=True)


def _table(results: dict[str, dict[str, Any]]) -> None:
    scenarios = [r for r in results.values() if "scenario" in r]
    if scenarios:
        table = Table(title="Rehearsal", title_justify="left")
        for column in ("scenario", "expected end", "actual end", "time", "alert to verdict"):
            table.add_column(column, overflow="fold")
        for r in scenarios:
            colour = "green" if r["ok"] else "red"
            table.add_row(
                r["scenario"], r["expected"], f"[{colour}]{r['actual']}[/]",
                f"{r['seconds']:.0f} s", _seconds(r["alert_to_verdict_seconds"]),
            )  # fmt: skip
        stdout.print(table)
    for r in results.values():
        if "project" in r:
            _history(r)
        if not _well(r):
            name = r.get("scenario") or r["project"]
            stdout.print(f"[red]{escape(name)}:[/] {escape(_trouble(r))}")


def _well(r: dict[str, Any]) -> bool:
    """Say whether a play ended as it should; of a history no end is expected."""
    return bool(r.get("ok", r["proved"] and not r["failed_requests"]))


def _trouble(r: dict[str, Any]) -> str:
    if r["failed_requests"]:
        return f"{r['failed_requests']:,} requests failed, the first of them {r['first_failure']}"
    if not r["proved"]:
        return "the gateway does not serve what the ledger says"
    return str(r["reason"])


def _history(r: dict[str, Any]) -> None:
    table = Table(title=f"{r['project']}: {r['rows']:,} rows", title_justify="left")
    for column in ("alert", "verdicts", "ended", "why"):
        table.add_column(column, overflow="fold")
    for retrain in r["retrains"]:
        gates = " ".join(f"{gate}:{outcome}" for gate, outcome in retrain["verdicts"].items())
        table.add_row(retrain["at"][:10], gates, retrain["ending"], escape(retrain["reason"]))
    stdout.print(table)
    served, never = _numbers(r["loss_served"], r["loss_never"])
    stdout.print(
        f"{len(r['alerts'])} alerts, {len(r['retrains'])} retrains; mean {r['loss']}"
        f" [bold]{served}[/] served, {never} never retrained"
    )
    if "rmse_served" in r:
        served, never = _numbers(r["rmse_served"], r["rmse_never"])
        stdout.print(f"root mean squared error {served} served, {never} never")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _numbers(*values: float | None) -> list[str]:
    known = (None if value is None or math.isnan(value) else value for value in values)
    return numbers(*known, unknown="unknown")


def _wait_for_interrupt(addresses: dict[str, str]) -> None:
    stderr.print("Everything is played; the servers stay up until Ctrl-C:")
    for name, address in addresses.items():
        stderr.print(f"  {name}: {address}", soft_wrap=True)
    stopped = threading.Event()
    former: Callable[..., object] | int | None = signal.signal(
        signal.SIGINT, lambda *_: stopped.set()
    )
    stopped.wait()
    signal.signal(signal.SIGINT, former)
