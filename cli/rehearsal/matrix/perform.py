"""The command `sixgates rehearse kill-matrix`: play, show, and say what was violated."""

import time
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.rehearsal.matrix.jobs import JOBS
from cli.rehearsal.matrix.lanes import LANES, play
from cli.rehearsal.processes import Processes, terminate_as_interrupt
from cli.rehearsal.progress import Progress
from cli.rehearsal.rehearse import new_home
from cli.rehearsal.stack import Stack
from cli.say import Code, show, stderr, stdout
from sixgates.adapters.effects import Effect
from sixgates.gates.errors import ConfigurationError


def perform_matrix(parent: Path, *, repeats: int, only: tuple[str, ...], as_json: bool) -> Code:
    """Play the kill matrix and return the exit code.

    Args:
        parent: Folder under which everything is kept.
        repeats: How often each place is played.
        only: Names in `JOBS`; all of them where empty.
        as_json: Whether to print one JSON document.

    Raises:
        ConfigurationError: a name is unknown.
        TransientError: a process that plays ended early.
    """
    if unknown := [name for name in only if name not in JOBS]:
        raise ConfigurationError(
            f"kill-matrix has no part {', '.join(unknown)}: choose from {', '.join(JOBS)}"
        )
    began, home = time.monotonic(), new_home(parent)
    stderr.print(f"everything of this rehearsal is kept in [bold]{home}[/]")
    with (
        terminate_as_interrupt(),
        Progress(LANES, live=not as_json and stderr.is_terminal) as progress,
        Processes(home / "logs", own_groups=True) as processes,
    ):
        env = Stack(home, processes).env
        del env["PREFECT_API_URL"]  # walks need no server
        found = play(
            only or JOBS, home=home, repeats=repeats, processes=processes, env=env,
            progress=progress.line,
        )  # fmt: skip
    if not only:
        found.violations["unreached"] += [
            f"no walk comes to the effect {e}" for e in Effect if e not in found.effects
        ]
    document = {
        "points": found.points,
        "repeats": repeats,
        "plays": found.plays,
        "requests": found.requests,
        "failed_requests": len(found.failures),
        "violations": {kind: len(said) for kind, said in found.violations.items()},
        "details": [*found.failures, *(s for said in found.violations.values() for s in said)],
        "seconds": round(time.monotonic() - began, 1),
        "home": str(home),
    }
    show(document, as_json=as_json, human=lambda: _table(document))
    return Code.UNEXPECTED if document["details"] else Code.DONE


def _table(document: dict[str, Any]) -> None:
    table = Table(title="Kill matrix", title_justify="left")
    table.add_column("what was looked for")
    table.add_column("violations", justify="right")
    for kind, n in document["violations"].items():
        table.add_row(kind, f"[{'red' if n else 'green'}]{n}[/]")
    table.add_row(
        "failed requests", f"[{'red' if document['failed_requests'] else 'green'}]"
        f"{document['failed_requests']}[/] of {document['requests']:,}"
    )  # fmt: skip
    stdout.print(table)
    for sentence in document["details"][:20]:
        stdout.print(f"[red]{escape(sentence)}[/]")
    stdout.print(
        f"{document['points']} points, {document['plays']} plays in {document['seconds']:.0f} s"
    )
