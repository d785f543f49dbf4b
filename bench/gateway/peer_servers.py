"""How each peer serves the bench's model, in the form that its makers recommend for production.

Each has one worker, its log of accesses off where that is documented, LightGBM at one thread as
ours, and no more packages than its own installation brings.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environments import REQUIREMENTS
from bench.gateway.made import Made
from bench.gateway.servers import Start, environment, free_port
from sixgates.gates.errors import ContractError

_ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server for the same model."""

    title: str
    requirements: str
    """Name of its file of pinned packages."""
    requests: str
    """Name of the file with the rows in its own dialect."""
    at_least: float
    """How many times our processor time it takes."""
    start: Callable[[Made, Path, Path], Start]
    """From its programs, and a folder for its files and what it prints."""
    answer_of: Callable[[Any], float]


def mlflow(made: Made, programs: Path, folder: Path) -> Start:
    """`mlflow models serve`, of a model with a signature, as MLflow recommends."""
    return _mlflow(made, programs, folder, "signed")


def mlflow_unsigned(made: Made, programs: Path, folder: Path) -> Start:
    """Return the same without a signature: cheaper, but it takes whatever columns come."""
    return _mlflow(made, programs, folder, "unsigned")


def _mlflow(made: Made, programs: Path, folder: Path, form: str) -> Start:
    script = REQUIREMENTS / "mlflow_model.py"
    _run([programs / "python", script, made.champion, folder / "model", form])
    port = free_port()
    return Start(
        name="mlflow",
        command=[
            *(str(programs / "mlflow"), "models", "serve", "--model-uri", str(folder / "model")),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--env-manager", "local"),
        ],
        port=port,
        path="/invocations",
        logs=folder,
        env={
            **_ONE_THREAD,
            "PATH": f"{programs}:{os.environ['PATH']}",  # it starts uvicorn by name
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "UVICORN_ACCESS_LOG": "false",
            "UVICORN_LOG_LEVEL": "warning",
        },
    )


def mlserver(made: Made, programs: Path, folder: Path) -> Start:
    """MLServer with its runtime for LightGBM, and the one worker process that it has by default."""
    return _mlserver(made, programs, folder, workers=1)


def mlserver_in_process(made: Made, programs: Path, folder: Path) -> Start:
    """Return the same without that worker process: cheaper, but it predicts in the event loop."""
    return _mlserver(made, programs, folder, workers=0)


def bentoml(made: Made, programs: Path, folder: Path) -> Start:
    """Return a service of BentoML with an array argument, as its own examples have."""
    port = free_port()
    return Start(
        name="bentoml",
        command=[
            *(str(programs / "bentoml"), "serve", "bentoml_service:Model"),
            *("--working-dir", str(REQUIREMENTS), "--host", "127.0.0.1", "--port", str(port)),
        ],
        port=port,
        path="/predict",
        logs=folder,
        env={
            **_ONE_THREAD,
            "MODEL_TEXT": str(made.champion),
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "true",
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
    )


def _mlserver(made: Made, programs: Path, folder: Path, *, workers: int) -> Start:
    port, grpc, metrics = free_port(), free_port(), free_port()
    settings = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_port": metrics,
        "debug": False, "parallel_workers": workers,
    }  # fmt: skip
    model = {
        "name": made.model,
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": str(made.champion), "version": "1"},
    }
    models = folder / "models"
    models.mkdir(parents=True)
    (models / "settings.json").write_text(json.dumps(settings))
    (models / "model-settings.json").write_text(json.dumps(model))
    return Start(
        name="mlserver",
        command=[str(programs / "mlserver"), "start", str(models)],
        port=port,
        path=f"/v2/models/{made.model}/infer",
        logs=folder,
        env={**_ONE_THREAD, "PATH": f"{programs}:{os.environ['PATH']}"},
    )


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(  # noqa: S603 - our own command lines
        list(map(str, command)), capture_output=True, text=True, check=False,
        env=environment(MLFLOW_DISABLE_TELEMETRY="true"),
    )  # fmt: skip
    if done.returncode:
        raise ContractError(f"{command[1]} failed: {done.stderr.strip()[-400:]}")


def _first_prediction(said: Any) -> float:  # noqa: ANN401 - decoded JSON
    return float(said["predictions"][0])


def _first_output(said: Any) -> float:  # noqa: ANN401 - decoded JSON
    return float(said["outputs"][0]["data"][0])


def _first(said: Any) -> float:  # noqa: ANN401 - decoded JSON
    return float(said[0])


PEERS = (
    Peer("mlflow models serve", "mlflow", "features", 20, mlflow, _first_prediction),
    Peer(
        "mlflow models serve without a signature", "mlflow", "features", 20, mlflow_unsigned,
        _first_prediction,
    ),
    Peer("MLServer", "mlserver", "tensors", 8, mlserver, _first_output),
    Peer(
        "MLServer without a worker process", "mlserver", "tensors", 8, mlserver_in_process,
        _first_output,
    ),
    Peer("BentoML", "bentoml", "arrays", 20, bentoml, _first),
)  # fmt: skip
