"""Start the real servers of a rehearsal on loopback and free ports, and stop them all again."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PYTHONSAFEPATH": "1",
}
"""Nothing calls home, nobody's terminal fills with other people's logs, and no process that is
started imports an `email.py` or a `cli.py` that lies where the command was given."""
_DEPLOYS = 3
"""How often the deployments are tried to be registered."""


class Stack:
    """The servers of one rehearsal, and the environment in which its processes find them."""

    workers = 1
    """How many of Prefect's workers run the deployments."""

    def __init__(self, home: Path, processes: Processes) -> None:
        """Keep everything in one folder; nothing is started yet."""
        self.home = home
        (home / "tmp").mkdir(exist_ok=True)
        self._processes = processes
        self._prefect_port = free_port()
        self.env: dict[str, str] = {
            **_of_others(),
            **QUIET,
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "SIXGATES_HOME": str(home),
            "SIXGATES_NOTIFY": "",  # nobody is called at night for a rehearsal
            "SIXGATES_GATEWAY_TOKEN": secrets.token_urlsafe(24),
            "PREFECT_HOME": str(home / "prefect"),
            "MPLCONFIGDIR": str(home / "tmp"),
            "TMPDIR": str(home / "tmp"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self._prefect_port}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            # Upkeep of worker health is only more writers on one SQLite file.
            "PREFECT_WORKER_HEARTBEAT_SECONDS": "600",
            "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
        }

    @property
    def prefect_ui(self) -> str:
        """Address of Prefect's pages."""
        return f"http://127.0.0.1:{self._prefect_port}"

    @property
    def addresses(self) -> dict[str, str]:
        """Where its servers listen, by what they are."""
        return {"Prefect": self.prefect_ui}

    def start(self, say: Callable[[str], None]) -> None:
        """Start what is there for all plays, without waiting for it."""
        say("starting Prefect")
        self.start_prefect()

    def wait(self, say: Callable[[str], None]) -> None:
        """Wait until everything that was started can be used.

        Raises:
            TransientError: something cannot.
        """
        self.wait_for_prefect()
        say(f"Prefect answers at {self.prefect_ui}")

    def start_prefect(self, database: str = "") -> subprocess.Popen[str]:
        """Start a Prefect server without waiting for it.

        Args:
            database: Its SQLAlchemy address; SQLite in the home where empty.
        """
        port = str(self._prefect_port)
        words = ["server", "start", "--host", "127.0.0.1", "--port", port]
        command = [sys.executable, "-m", "cli.rehearsal.prefect_server", *words]
        where = {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
        return self._processes.spawn("prefect-server", command, env=self.env | where)

    def start_worker(self, env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a process worker that runs the deployments."""
        command = _prefect("worker", "start", "--pool", "sixgates", "--type", "process")
        return self._processes.spawn("prefect-worker", command, env=env)

    def deploy(self, repository: Path) -> None:
        """Register the deployments and automations of `prefect.yaml`.

        Said again it changes nothing, so it is: while others write, Prefect's SQLite may be locked
        for longer than the server waits, and it answers 503.

        Raises:
            TransientError: it failed each time.
        """
        command = _prefect("--no-prompt", "deploy", "--all")
        log = self.home / "logs" / "deploy.log"
        with log.open("w") as out:
            for _ in range(_DEPLOYS):
                done = subprocess.run(  # noqa: S603 - our own command line
                    command, cwd=repository, env=self.env, stdout=out, stderr=out, check=False
                )
                if not done.returncode:
                    return
        raise TransientError(f"`prefect deploy --all` failed {_DEPLOYS} times: see {log}")

    def open_mlflow(self) -> str:
        """Start MLflow's pages on the rehearsal's database and return their address."""
        port = free_port()
        self._processes.spawn(
            "mlflow-ui",
            [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port),
             "--backend-store-uri", f"sqlite:///{self.home / 'mlflow.db'}"],
            env=self.env,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        self.wait_for(f"{address}/health", "MLflow", 90.0)
        return address

    def wait_for_prefect(self, patience: float = 120.0) -> None:
        """Wait until Prefect's API answers."""
        self.wait_for(f"{self.env['PREFECT_API_URL']}/health", "the Prefect server", patience)

    def wait_for(self, url: str, what: str, patience: float) -> None:
        """Wait until a page answers 200.

        Raises:
            TransientError: it did not within `patience` seconds, or its process ended.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if httpx.get(url, timeout=2.0).is_success:
                    return
            except httpx.TransportError:
                pass
            self._processes.raise_for_dead()
            time.sleep(0.2)
        raise TransientError(f"{what} did not answer at {url} within {patience:.0f} s")


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _of_others() -> dict[str, str]:
    """Return the environment without what it says about an installation.

    Else a rehearsal would play in the ledger and the registry of who has exported their addresses.
    """
    return {name: word for name, word in os.environ.items() if not name.startswith("SIXGATES_")}


def _prefect(*words: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *words]
