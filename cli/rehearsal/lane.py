"""One lane of a rehearsal: a process that plays scenarios, or one history, one after the other.

Reads its job as JSON from the command line; writes one JSON object a line on stdout: `progress`,
`result`, `error` and, where servers are kept, `kept`. It ends when its standard input closes.
"""

import json
import os
import sys
import time
import traceback
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sixgates.gates.errors import PipelineError


def main() -> int:
    """Play the job and return 0, or 1 where something could not be found out."""
    job = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the protocol

    def tell(kind: str, **facts: Any) -> None:  # noqa: ANN401 - plain values
        out.write(json.dumps({"kind": kind, **facts}, default=str) + "\n")

    home = Path(job["home"])
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from cli.rehearsal.processes import Processes

    # A heartbeat rounds every flow up to a second; a rehearsal makes hundreds of them.
    quick = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    broken = 0
    with quick, Processes(home / "logs", own_groups=False) as processes:
        while not (job["virtual"] or (home / "ready").exists()):
            time.sleep(0.05)
        for name in job["plays"]:
            try:
                tell("result", name=name, result=_play(job, name, home, processes, tell))
            except PipelineError as exc:
                broken = 1
                tell("error", name=name, error=str(exc), kind_of=type(exc).__name__)
            except Exception as exc:  # noqa: BLE001 - of a scenario's own code; others play on
                broken = 1
                traceback.print_exc()
                kind = type(exc).__name__
                tell("error", name=name, error=f"it raised {kind}: {exc}", kind_of=kind)
        tell("done")
        if job["keep"]:
            sys.stdin.read()
    return broken


def _play(job: dict[str, Any], name: str, home: Path, processes: Any, tell: Any) -> dict[str, Any]:  # noqa: ANN401
    from cli.rehearsal.full.theatre import FullTheatre
    from cli.rehearsal.history import play_history
    from cli.rehearsal.play import Stage
    from cli.rehearsal.scenes import play_scenario
    from cli.rehearsal.theatre import Theatre
    from cli.rehearsal.virtual.theatre import virtual_stage
    from simulation.catalogue import scenario_of

    def say(line: str) -> None:
        tell("progress", name=name, line=line)

    stage: Stage = partial(FullTheatre if job["full"] else Theatre, processes=processes)
    with ExitStack() as stack:
        scenario = None if job["project"] else scenario_of(name)
        if job["virtual"]:
            folder = home / (scenario.name if scenario else Path(name).stem)
            stage = stack.enter_context(virtual_stage(folder))
        if scenario is None:
            return play_history(job["project"], job["data"], stage, say)
        triggered = name == job["triggered"] and not job["virtual"]
        return play_scenario(scenario, home, stage, say, triggered=triggered)


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
