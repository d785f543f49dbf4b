"""Compactions that die where they are told to, each in a child of one process.

Each line on stdin is a JSON object: `home`, and where the child is to die: `step`, before the n-th
line of the code that it comes to, or `bytes`, amid the write that makes a file longer than that. A
line answers with the `signal` that ended it (0 for none) and, where there was no end asked for, the
`states` in which the disk was: the first step of each, in whose stead any other of it could be.
With `tables` they lie in an object store, whose server is told the `plan`, with the child as whom
to kill.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

import httpx

from sixgates.adapters import (
    compaction,
    delta_log,
    delta_packing,
    delta_table,
    sealed_segments,
    segment_log,
    table_place,
)

MORTAL = (
    compaction, delta_log, delta_packing, delta_table, sealed_segments, segment_log, table_place
)  # fmt: skip
"""Where a compaction may die before each line."""


class Steps:
    """Counts the lines that are come to, and ends the process before the one that was asked for."""

    def __init__(self, home, last):
        self.states = []
        self._count = 0
        self._home = home
        self._last = last
        self._state = None
        self._files = {module.__file__ for module in MORTAL}

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self._count += 1
            if self._last is None:
                self._look()
            elif self._count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self

    def _look(self):
        """A process that is killed leaves what is on disk, and nothing else."""
        found = [path for path in self._home.rglob("*") if path.is_file()]
        state = {(str(path), path.stat().st_size) for path in found}
        if state != self._state:
            self.states.append(self._count)
            self._state = state


def compact(asked, answer):
    """Compact once in this process."""
    delta_packing.MANY = 2
    sealed_segments.BATCH_SEGMENTS = 2
    if asked.get("bytes"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["bytes"], resource.RLIM_INFINITY))
    home = Path(asked["home"])
    steps = Steps(home, 0 if {"bytes", "tables"} & set(asked) else asked.get("step"))
    sys.settrace(steps)
    tables = table_place.folder_of(asked.get("tables", str(home / "tables")))
    if "plan" in asked:
        plan = json.dumps({**asked["plan"], "kill": os.getpid()})
        httpx.post(f"{os.environ['AWS_ENDPOINT_URL']}/-/plan", content=plan, trust_env=False)
    log = delta_log.DeltaLog(home / "log", tables)
    compaction.compact_log(log, "churn", None, lambda: None)
    sys.settrace(None)
    with os.fdopen(answer, "w") as file:
        json.dump(steps.states, file)


def main():
    """Compact for as long as there are lines to read."""
    for line in sys.stdin:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            try:
                compact(json.loads(line), theirs)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(theirs)
        with os.fdopen(ours) as file:
            said = file.read()
        _, status = os.waitpid(child, 0)
        ended = {"signal": os.WTERMSIG(status), "code": os.WEXITSTATUS(status)}
        sys.stdout.write(json.dumps({**ended, "states": json.loads(said or "[]")}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
