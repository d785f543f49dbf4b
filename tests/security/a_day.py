"""A day of the command in a process of its own, for a test that reads everything it leaves.

Run as `python -m tests.security.a_day <folder> <part>`; settings come from the environment.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import typer.main

from cli.main import app
from sixgates.adapters import mlflow_registry
from tests.conftest import found

UNPICKLED = []
"""What somebody loaded from a pickle, as module and name."""


def note(event, given):
    if event == "pickle.find_class":
        UNPICKLED.append(".".join(map(str, given)))


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def ask(*words):
    """Run one command as a person does, and say how it ended."""
    say("===", *words)
    try:
        typer.main.get_command(app)(list(map(str, words)), standalone_mode=False)
    except (SystemExit, typer.Exit) as exc:
        say("=== ended with", getattr(exc, "exit_code", exc))


@contextmanager
def served(project, log):
    command = [sys.executable, "-c", "from cli.main import run; run()", "serve", "--json",
               "--project", project, "--port", "0"]  # fmt: skip
    with log.open("w") as err, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=err, text=True
    ) as process:  # fmt: skip
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(timeout=20)


def in_a_database(here):
    """Put the rows where only a secret connection leads, and let the project say so."""
    here.frame.write_database("rides", os.environ["WAREHOUSE"])
    Path(here.data).unlink()
    with Path(here.path).open("a") as file:
        file.write(
            "from sixgates.gates.source import SqlSource\n"
            'source = SqlSource(connection="${WAREHOUSE}", query="SELECT * FROM rides")\n'
            'project = project.model_copy(update={"source": source})\n'
        )


def ordinary(folder):
    here = found(folder, "planted", approval={"need": "required"})
    in_a_database(here)
    project = ("--project", here.path)
    data = ("--data", "${WAREHOUSE}#SELECT * FROM rides")
    ask("check", *project)
    ask("retrain", *project)
    with served(here.path, folder / "gateway.log") as url:
        for token in ("PLANTED-wrong", os.environ["SIXGATES_GATEWAY_TOKEN"]):
            bearer = {"authorization": f"Bearer {token}"}
            say(httpx.post(f"{url}/admin/follow", json={}, headers=bearer).status_code)
        here.at(21)
        ask("retrain", *project, *data, "--override", "again")
        ask("tick", *project)
        ask("status", *project)
        ask("approve", *project, "--reason", "nobody asked")
        ask("rollback", *project, "--reason", "complaints")
    ask("stop", *project, "--reason", "to see")
    ask("resume", *project, "--reason", "to see")
    ask("watch", *project, *data)
    ask("history", *project, "--verdicts", "--json")
    ask("notify", "--test")
    ask("notify", *project)
    ask("ledger", "verify")
    ask("ledger", "export")


def without_mlflow(folder):
    project = ("--project", folder / "planted.py")
    ask("status", *project)
    ask("tick", *project)
    ask("rollback", *project, "--to", "1", "--reason", "complaints")
    for query in ("SELECT * FROM nowhere", "SELECT * FROM"):
        ask("retrain", *project, "--data", "${WAREHOUSE}#" + query)
    ask("watch", *project, "--data", "postgresql://ann:${NOWHERE}@127.0.0.1:1/db#SELECT 1")


def crash(folder):
    def fall(*_, **__):
        raise RuntimeError("something that nobody foresaw")

    mlflow_registry.MlflowRegistry.aliases = fall
    ask("status", "--project", folder / "planted.py")


if __name__ == "__main__":
    sys.addaudithook(note)
    try:
        {"ordinary": ordinary, "without_mlflow": without_mlflow, "crash": crash}[sys.argv[2]](
            Path(sys.argv[1])
        )
    finally:
        say("=== unpickled", json.dumps(sorted(set(UNPICKLED))))
