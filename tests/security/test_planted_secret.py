"""Secrets are planted in every setting that holds one, a day is played, and all it left is read."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.adapters.receivers import receiver

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MARK = "PLANTED"
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(command, health, log, env):
    with log.open("w") as out, subprocess.Popen(
        [sys.executable, "-m", *command], cwd=log.parent, env=env, stdout=out, stderr=out
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    if httpx.get(health, timeout=2).is_success:
                        break
                except httpx.TransportError:
                    pass
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, f"{health} does not answer"
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def prefect(home, env):
    port = free_port()
    command = [
        "cli.rehearsal.prefect_server",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    api = f"http://127.0.0.1:{port}/api"
    with server(command, f"{api}/health", home / "prefect.log", env):
        yield api


@contextmanager
def mlflow(home, env):
    port = free_port()
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}",
               "--artifacts-destination", str(home / "mlartifacts")]  # fmt: skip
    with server(command, f"http://127.0.0.1:{port}/health", home / "mlflow.log", env):
        yield f"http://somebody:{MARK}-mlflow@127.0.0.1:{port}"


@pytest.fixture
def ledger_url(request, tmp_path):
    """Return an address with a password, or, without PostgreSQL, with a secret parameter."""
    try:
        url = request.getfixturevalue("new_postgres_url")
    except pytest.skip.Exception:
        return f"sqlite:///file:{tmp_path}/home/ledger.db?secret={MARK}-ledger&uri=true"
    return url.replace("postgres@", f"postgres:{MARK}-ledger@")


@pytest.fixture
def tokens(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"read {MARK}-read name=eve\napprove {MARK}-gateway name=ann\n")
    file.chmod(0o600)
    return file


def part(folder, name, env):
    """Play a part of the day; everything it says goes to a file of the folder."""
    with (folder / f"{name}.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "tests.security.a_day", str(folder), name],
            cwd=ROOT, env=env, stdout=log, stderr=log, timeout=280, check=False,
        )  # fmt: skip
    return (folder / f"{name}.log").read_text()


def leaks(folder, *besides):
    """Every place in the files of a folder where a planted secret stands, plain or encoded."""
    signs = [
        MARK.encode(),
        *(base64.b64encode(b"x" * pad + MARK.encode())[4:-4] for pad in (0, 1, 2)),
    ]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in besides]
    return [
        (str(path), held[max(0, hit.start() - 150) : hit.end() + 30])
        for path in files
        for held in [path.read_bytes()]
        for sign in signs
        for hit in re.finditer(re.escape(sign), held)
    ]


def test_no_planted_secret_is_in_anything_that_a_day_leaves(tmp_path, ledger_url, tokens):
    folder, home = tmp_path / "work", tmp_path / "work" / "home"
    home.mkdir(parents=True)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("SIXGATES_", "PREFECT_"))}
    env = {**own, **QUIET, "PREFECT_HOME": str(home / "prefect"), "TMPDIR": str(home)}
    with receiver(status=500) as hook, prefect(home, env) as api, mlflow(home, env) as registry:
        at = hook.url.removeprefix("http://")
        env |= {
            "PREFECT_API_URL": api,
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
            "MLFLOW_LOGGING_LEVEL": "DEBUG",
            "SIXGATES_HOME": str(home),
            "SIXGATES_CLOCK": str(home / "clock"),
            "SIXGATES_LEDGER_URL": ledger_url,
            "WAREHOUSE": ledger_url.replace(f"{MARK}-ledger", f"{MARK}-warehouse"),
            "NOWHERE": f"{MARK}-nowhere",
            "SIXGATES_MLFLOW_URI": registry,
            "SIXGATES_TOKENS": str(tokens),
            "SIXGATES_GATEWAY_TOKEN": f"{MARK}-gateway",
            "SIXGATES_NOTIFY_TOKEN": f"{MARK}-notify",
            "SIXGATES_NOTIFY": ",".join(
                [
                    f"file:{home}/notifications.jsonl",
                    f"{hook.url}/{MARK}-path?key={MARK}-query",
                    f"http://somebody:{MARK}-password@{at}/",
                    f"json://somebody:{MARK}-apprise@{at}/{MARK}-path",
                    f"slack://{MARK}A/{MARK}B/{MARK}C",
                ]
            ),
        }
        said = part(folder, "ordinary", env)
        nowhere = f"http://somebody:{MARK}-mlf@ow@127.0.0.1:{free_port()}"
        dead = {"SIXGATES_MLFLOW_URI": nowhere, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        dark = part(folder, "without_mlflow", {**env, **dead})
        crashed = part(folder, "crash", env)
    assert any(f"{MARK}-path" in path for path, _, _ in hook.calls)  # what was planted was used
    assert "=== unpickled" in said
    assert "Traceback" in crashed
    assert "127.0.0.1" in dark
    assert dark.count("was refused (") == 2
    assert "on postgresql+psycopg://ann:***@127.0.0.1:1/db got no answer" in dark
    assert "=== retrain --project" in said
    assert "error:" not in said.split("=== retrain", 1)[1].split("===")[0]
    assert (home / "notifications.jsonl").stat().st_size
    assert list(home.rglob("*.html"))
    assert leaks(folder, tokens) == []
    assert json.loads(said.rpartition("=== unpickled")[2].splitlines()[0]) == []
