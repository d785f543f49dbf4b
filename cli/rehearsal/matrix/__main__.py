"""One of the processes that play a kill matrix: `python -m cli.rehearsal.matrix FOLDER REPEATS`.

It makes a town of its own in the folder. Each line on stdin is a job; each on stdout a JSON object:
`progress` with a line, `played` with the findings of a job, `ready` after each job, or `error`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from cli.rehearsal.matrix.findings import Findings
from cli.rehearsal.matrix.jobs import JOBS
from cli.rehearsal.matrix.play import Stage
from cli.rehearsal.matrix.town import Town
from cli.rehearsal.matrix.walks import Walker
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import PipelineError


def main() -> int:
    """Play jobs until there are no more; return 1 where one could not be played."""
    folder, repeats = Path(sys.argv[1]), int(sys.argv[2])
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the protocol

    def tell(**facts: Any) -> None:  # noqa: ANN401 - plain values
        out.write(json.dumps(facts, default=str) + "\n")

    with Processes(folder / "logs", own_groups=False) as processes:
        try:
            town = Town(folder / "town", processes, os.environ)
            walker = Walker(processes, town)
            tell(ready=True)
            stage = Stage(town, walker, lambda line: tell(progress=line))
            for line in sys.stdin:
                stage.findings = Findings()
                JOBS[line.strip()](stage, repeats)
                tell(played=stage.findings.to_dict())
        except PipelineError as exc:
            tell(error=str(exc))
            return 1
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
