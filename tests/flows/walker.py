"""Walks that are killed for real: `python -m tests.flows.walker`, told what to do line by line.

Each line on stdin is a JSON object: `act` (retrain or tick), `project`, `data`, and what to add to
the environment, such as where to die. Each walk lives in a child of its own, so that one import of
everything serves them all; how the child ended is answered as one line. No Prefect server is
needed: the flows call their tasks as plain functions.
"""

import json
import os
import sys
import traceback

import lightgbm  # noqa: F401 - imported once for all walks
import mlflow  # noqa: F401
from prefect import Task
from prefect.logging import disable_run_logger

import flows.release
import flows.retrain
import tasks.record


def plainly(module):
    """Let a flow call its tasks as the functions they are."""
    for name, value in vars(module).copy().items():
        if isinstance(value, Task):
            setattr(module, name, value.fn)


def act(asked):
    os.environ.update(asked.get("environment", {}))
    with disable_run_logger():
        if asked["act"] == "tick":
            return flows.release.release.fn(asked["project"])
        return flows.retrain.retrain.fn(asked["project"], asked["data"], trigger=asked["trigger"])


def main():
    for module in (flows.retrain, flows.release):
        plainly(module)
    tasks.record.create_markdown_artifact = lambda **_: None
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                state = act(json.loads(line))
                os.write(writing, f"{state.name}: {state.message}".encode())
            except BaseException:  # noqa: BLE001 - told to who asked
                os.write(writing, traceback.format_exc().encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as said:
            words = said.read()
        _, status = os.waitpid(child, 0)
        answer = {"killed": os.WIFSIGNALED(status), "said": words}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
