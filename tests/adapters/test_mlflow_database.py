"""A database of MLflow's that is being made: killed, or made twice at once."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from sixgates.adapters import mlflow_database
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.gates.errors import TransientError

pytestmark = pytest.mark.slow

DIES = """
import os, sys
import sqlalchemy as sa
from sixgates.adapters.mlflow_access import open_client

left = int(sys.argv[2])

def commit(_connection):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)

sa.event.listen(sa.Engine, "commit", commit)
open_client(sys.argv[1])
"""


OPENS = """
import sys
from pathlib import Path
from sixgates.adapters.mlflow_registry import MlflowRegistry

uri, folder, name = sys.argv[1:]
MlflowRegistry(uri, Path(folder)).start_run("churn", name, {})
"""


@pytest.mark.parametrize("commits", [2, 40])
def test_whoever_dies_amid_its_making_leaves_none_that_cannot_be_opened(tmp_path, commits):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    died = subprocess.run(
        [sys.executable, "-c", DIES, uri, str(commits)], capture_output=True, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "mlflow.db").exists()
    assert MlflowRegistry(uri, tmp_path).aliases("churn") == {}


def test_of_two_who_make_it_at_once_one_wins_and_both_open_it(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def run(name):
        return MlflowRegistry(uri, tmp_path / "artifacts").start_run("churn", name, {})

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(run, ["a", "b"]))
    known = MlflowRegistry(uri, tmp_path).open_runs("churn")
    assert known == dict(zip(runs, ["a", "b"], strict=True))
    assert [path.name for path in tmp_path.glob("*mlflow*")] == ["mlflow.db"]


def test_two_may_make_it_in_postgresql_at_once_and_a_restart_of_the_server_ends_nothing(
    tmp_path, shaky_postgres
):
    uri = shaky_postgres.create("mlflow").replace("postgresql+psycopg:", "postgresql:")
    both = [
        subprocess.Popen([sys.executable, "-c", OPENS, uri, tmp_path, name]) for name in ("a", "b")
    ]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    registry = MlflowRegistry(uri, tmp_path)
    runs = registry.open_runs("churn")
    assert sorted(runs.values()) == ["a", "b"]
    shaky_postgres.stop()
    with pytest.raises(TransientError, match="did not answer"):
        registry.open_runs("churn")
    shaky_postgres.start()
    assert registry.open_runs("churn") == runs
    registry.end_run(next(iter(runs)), "FINISHED", "done")


def test_a_postgresql_that_hangs_holds_nobody_up(tmp_path, shaky_postgres, monkeypatch):
    monkeypatch.setattr(mlflow_database, "ANSWER_SECONDS", 2.0)
    registry = MlflowRegistry(shaky_postgres.create("hangs"), tmp_path)
    assert registry.open_runs("churn") == {}
    shaky_postgres.hang()
    began = time.monotonic()
    try:
        with pytest.raises(TransientError, match="did not answer"):
            registry.open_runs("churn")
    finally:
        shaky_postgres.resume()
    assert time.monotonic() - began < 15
    monkeypatch.setattr(registry, "_alone_until", 0.0)
    assert registry.open_runs("churn") == {}


def test_whoever_hangs_while_the_tables_are_made_holds_nobody_up_either(
    tmp_path, shaky_postgres, monkeypatch
):
    monkeypatch.setattr(mlflow_database, "TURN_SECONDS", 0.5)
    uri = shaky_postgres.create("held")
    with sa.create_engine(uri).connect() as other:
        other.execute(sa.select(sa.func.pg_advisory_lock(mlflow_database._LOCK)))
        with pytest.raises(TransientError, match="making MLflow's tables"):
            MlflowRegistry(uri, tmp_path).open_runs("churn")
        other.invalidate()
    assert MlflowRegistry(uri, tmp_path).open_runs("churn") == {}
