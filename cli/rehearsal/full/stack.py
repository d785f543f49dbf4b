"""What a rehearsal on a whole installation starts: each server that the documentation names.

PostgreSQL holds the ledger, MLflow's store and Prefect's. Every server listens on loopback alone,
on a free port, and what is secret is made at random and given in the environment.
"""

import configparser
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import httpx

from cli.rehearsal.full.nginx import version_of_nginx
from cli.rehearsal.full.postgres import Cluster, cluster
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import QUIET, Stack, free_port
from sixgates.gates.errors import TransientError

AUTHENTICATION = Path(__file__).resolve().parents[3] / "deploy" / "mlflow-auth.ini"
"""How MLflow asks who it is, as in the containers."""
_PATIENCE_SECONDS = 180.0
"""Two cores start all of it at once."""
_OF_OTHERS = ("AWS_", "MLFLOW_", "DASK_")
"""What begins so in the environment of the caller is of another installation."""


class FullStack(Stack):
    """The servers of a whole installation; see `full_stack`."""

    workers = 2

    def __init__(self, home: Path, processes: Processes, postgres: Cluster) -> None:
        """Choose ports and secrets; nothing but PostgreSQL is started yet."""
        super().__init__(home, processes)
        self._postgres = postgres
        self._password = secrets.token_urlsafe(24)
        self._mlflow, self._store = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._dask = f"tcp://127.0.0.1:{free_port()}"
        others = [n for n in self.env if n.startswith(_OF_OTHERS) and n not in QUIET]
        self.env = {
            **{name: word for name, word in self.env.items() if name not in others},
            "SIXGATES_LEDGER_URL": postgres.url("sixgates"),
            "SIXGATES_MLFLOW_URI": self._mlflow,
            "MLFLOW_TRACKING_USERNAME": "admin",
            "MLFLOW_TRACKING_PASSWORD": self._password,
            "SIXGATES_TABLES": "s3://sixgates/tables",
            "AWS_ENDPOINT_URL": self._store,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(24),
            "AWS_EC2_METADATA_DISABLED": "true",
            "SIXGATES_ENGINE": self._dask,
        }

    @property
    def addresses(self) -> dict[str, str]:
        """Where its servers listen, by what they are."""
        port = self._postgres.port
        return {
            f"PostgreSQL {self._postgres.version}": f"127.0.0.1:{port}",
            f"Prefect {_version('prefect')}": self.prefect_ui,
            f"MLflow {_version('mlflow')} with authentication": self._mlflow,
            f"S3-compatible server, moto {_version('moto')}": self._store,
            f"Dask {_version('distributed')}, 2 workers": self._dask,
            f"nginx {version_of_nginx()}": "one for each play, before its gateways",
        }

    def start(self, say: Callable[[str], None]) -> None:
        """Start Prefect, MLflow, the object store and Dask, without waiting for them."""
        say("starting Prefect, MLflow, the object store and Dask")
        self.start_prefect(self._postgres.url("prefect", "postgresql+asyncpg"))
        self.start_mlflow()
        self._start("object-store", "moto.server", "-H", "127.0.0.1", "-p", _port(self._store))
        self._start_dask()

    def wait(self, say: Callable[[str], None]) -> None:
        """Wait until all of them can be used.

        Raises:
            TransientError: one cannot.
        """
        self.wait_for(f"{self._store}/moto-api/", "the object store", _PATIENCE_SECONDS)
        httpx.put(f"{self._store}/sixgates").raise_for_status()
        say(f"the object store answers at {self._store}")
        self._wait_for_dask()
        say(f"Dask has two workers at {self._dask}")
        self.wait_for_prefect(_PATIENCE_SECONDS)
        say(f"Prefect answers at {self.prefect_ui}")
        self.wait_for(f"{self._mlflow}/health", "MLflow", _PATIENCE_SECONDS)
        say(f"MLflow answers at {self._mlflow}")

    def start_mlflow(self) -> None:
        """Start MLflow's server with authentication, without waiting for it."""
        rules = configparser.ConfigParser()
        rules.read(AUTHENTICATION)
        rules["mlflow"]["database_uri"] = f"sqlite:///{self.home / 'tmp' / 'mlflow-auth.db'}"
        file = self.home / "tmp" / "mlflow-auth.ini"
        with file.open("w") as written:
            rules.write(written)
        secret = {
            "MLFLOW_AUTH_CONFIG_PATH": str(file),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self._password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(24),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_BACKEND_STORE_URI": self._postgres.url("mlflow", "postgresql+psycopg"),
        }
        self._start(
            "mlflow", "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1",
            "--port", _port(self._mlflow), "--workers", "1",
            "--artifacts-destination", str(self.home / "mlartifacts"), **secret,
        )  # fmt: skip

    def open_mlflow(self) -> str:
        """Return the address of MLflow, with who may look at it."""
        return f"{self._mlflow} (user admin, password {self._password})"

    def _start_dask(self) -> None:
        # Without a dashboard it still answers HTTP, on all interfaces where nothing else is said.
        here = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        self._start("dask-scheduler", "dask", "scheduler", *here, "--port", _port(self._dask))
        self._start(
            "dask-workers", "dask", "worker", self._dask, *here, "--nworkers", "2",
            "--nthreads", "1", "--local-directory", str(self.home / "tmp"),
        )  # fmt: skip

    def _wait_for_dask(self) -> None:
        from distributed import Client

        try:
            with Client(self._dask, timeout=_PATIENCE_SECONDS, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=_PATIENCE_SECONDS)
        except OSError as exc:  # as its TimeoutError is
            self._processes.raise_for_dead()
            raise TransientError(
                f"Dask at {self._dask} did not come to two workers: see logs/dask-workers.log"
            ) from exc

    def _start(self, name: str, module: str, *words: str, **secret: str) -> None:
        """Start a Python program; what is secret is in its environment alone."""
        command = [sys.executable, "-m", module, *words]
        self._processes.spawn(name, command, env=self.env | secret)


@contextmanager
def full_stack(home: Path, say: Callable[[str], None]) -> Iterator[tuple[FullStack, Processes]]:
    """Run PostgreSQL, and lend the other servers, not started yet; all are stopped afterwards.

    Args:
        home: Folder of all that the servers keep but for PostgreSQL's, which is removed.
        say: Takes lines of progress.

    Raises:
        ConfigurationError: the machine has no PostgreSQL.
    """
    say("starting PostgreSQL")
    with (
        cluster(host="127.0.0.1", port=free_port()) as postgres,
        Processes(home / "logs", own_groups=True) as processes,
    ):
        for database in ("sixgates", "mlflow", "prefect"):
            postgres.create(database)
        say(f"PostgreSQL {postgres.version} answers at 127.0.0.1:{postgres.port}")
        yield FullStack(home, processes, postgres), processes


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _version(package: str) -> str:
    return metadata.version(package)
