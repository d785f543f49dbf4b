"""Walks that may be killed for real, told what to do line by line.

Each line on stdin is a JSON object: `act` (a name in `ACTS`), `project`, `data`, and what the walk
finds in its `environment`. Each walk lives in a child of its own, so that one import of everything
serves them all. One line answers: whether the child was `killed`, what it `said`, in what sentence
it `refused` or how it `broke`, and how many `writes` it made. No Prefect server is needed: flows
call their tasks as plain functions.
"""

import gc
import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from mlflow.utils import requirements_utils
from prefect import Task
from prefect.logging import disable_run_logger
from sqlalchemy.orm import configure_mappers

import flows.release
import flows.retrain
import tasks.record
from cli.operate import rollback
from cli.rehearsal.matrix.look import look
from cli.rehearsal.matrix.writes import Writes
from sixgates.gates.errors import PipelineError


def _retrain(asked: dict[str, Any]) -> Any:  # noqa: ANN401 - plain values
    state = flows.retrain.retrain.fn(asked["project"], asked["data"], trigger="by hand")
    return f"{state.name}: {state.message}"


def _tick(asked: dict[str, Any]) -> Any:  # noqa: ANN401
    state = flows.release.release.fn(asked["project"])
    return f"{state.name}: {state.message}"


def _rollback(asked: dict[str, Any]) -> Any:  # noqa: ANN401
    return rollback(asked["project"], "by hand, in a rehearsal", None)


ACTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "retrain": _retrain,
    "tick": _tick,
    "rollback": _rollback,
    "look": lambda asked: look(asked["project"]),
}
"""What a walk can be asked to do."""


_SLOW = (
    "hypothesis.strategies", "matplotlib.pyplot", "mlflow.lightgbm",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.store.tracking.sqlalchemy_store",
    "mpl_toolkits.mplot3d", "pandera.strategies.pandas_strategies",
)  # fmt: skip
"""What walks would import, each for itself."""


_GIVING_WAY = 10


def main() -> None:
    """Walk for as long as there are lines to read."""
    # Walks give way to the gateways, whose absence is timed: they share this machine's cores.
    os.nice(_GIVING_WAY)
    for name in _SLOW:
        import_module(name)
    configure_mappers()
    # Half a second, and kept.
    requirements_utils._init_modules_to_packages_map()  # type: ignore[no-untyped-call] # noqa: SLF001
    gc.collect()
    gc.freeze()  # or the first collection in each child copies all of it
    for module in (flows.retrain, flows.release):
        _make_plain(module)
    vars(tasks.record)["create_markdown_artifact"] = lambda **_: None
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_walked(json.loads(line)), default=str) + "\n")
        sys.stdout.flush()


def _make_plain(module: ModuleType) -> None:
    """Let a flow call its tasks as the functions they are."""
    for name, value in vars(module).copy().items():
        if isinstance(value, Task):
            setattr(module, name, value.fn)


def _walked(asked: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_walk(asked), out, default=str)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as words:
        told = words.read()
    _, status = os.waitpid(child, 0)
    return {"killed": os.WIFSIGNALED(status), **(json.loads(told) if told else {})}


def _walk(asked: dict[str, Any]) -> dict[str, Any]:
    os.environ.update(asked.get("environment", {}))
    writes = Writes()
    try:
        with disable_run_logger():
            said = ACTS[asked["act"]](asked)
    except PipelineError as exc:
        return {"refused": str(exc), "writes": writes.count}
    except BaseException:  # noqa: BLE001 - told to who asked
        return {"broke": traceback.format_exc(), "writes": writes.count}
    return {"said": said, "writes": writes.count}


if __name__ == "__main__":
    main()
