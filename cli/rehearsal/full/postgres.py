"""A PostgreSQL cluster of one's own, from the binaries of the machine: started, restarted, hung."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cli.caretaker import Caretaker
from sixgates.gates.errors import ConfigurationError, TransientError

_PATIENCE_SECONDS = 60


class Cluster:
    """A server with its data in a folder; see `cluster`."""

    def __init__(
        self, binaries: Path, folder: Path, host: str, port: int, caretaker: Caretaker
    ) -> None:
        """Make the files of a new cluster."""
        self.folder = folder
        """Of the socket as well."""
        self.port = port
        self.password = secrets.token_urlsafe(24)
        """Of `postgres`, for whoever comes by TCP; whom the socket's folder lets in needs none."""
        self._binaries = binaries
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            self._as |= {"user": "nobody", "extra_groups": []}
            shutil.chown(folder, "nobody")
        self._settings = [
            f"listen_addresses={host}", f"port={port}", f"unix_socket_directories={folder}",
            "fsync=off", "max_connections=120",
        ]  # fmt: skip
        (folder / "password").write_text(self.password, encoding="utf-8")
        self._call(
            binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--auth-local=trust",
            "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        self._server: subprocess.Popen[bytes] | None = None
        self._caretaker = caretaker
        self._hangs = False

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            TransientError: it does not.
        """
        command: list[str | Path] = [self._binaries / "postgres", "-D", self.folder / "data"]
        command += [word for setting in self._settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the owner, who stops it last.
            server: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own command
                command, stdout=log, stderr=log, start_new_session=True, **self._as
            )
        self._server = server
        self._caretaker.take(server)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        ready = (self._binaries / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port))
        while subprocess.run(ready, check=False).returncode:  # noqa: S603 - our own command
            if server.poll() is not None or time.monotonic() > deadline:
                raise TransientError(
                    f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-500:]}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once, as a crash does: `pg_ctl stop -m immediate`."""
        if self._server is None:
            return
        if self._hangs:
            self.resume()
        self._server.send_signal(signal.SIGQUIT)
        try:
            self._server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server = None

    def hang(self) -> None:
        """Let the server and its processes stand still: they accept, and say nothing."""
        self._hangs = True
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)
        self._hangs = False

    def create(self, name: str) -> str:
        """Make a database, and return its address by the socket."""
        self._call(
            self._binaries / "createdb", "-h", self.folder, "-p", str(self.port), "-U", "postgres",
            name,
        )  # fmt: skip
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}&port={self.port}"

    def url(self, database: str, driver: str = "postgresql") -> str:
        """Return the address of a database by TCP on loopback, password included."""
        return f"{driver}://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def version(self) -> str:
        """As its program says, `15.18`."""
        said = subprocess.check_output([self._binaries / "postgres", "--version"], text=True)  # noqa: S603 - our own command
        return said.split()[2]

    def let_in(self, subnet: str) -> None:
        """Let everybody in who comes from a subnet, as `10.1.0.0/24`."""
        with (self.folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {subnet} trust\n")
        if self._server is not None:
            self._server.send_signal(signal.SIGHUP)

    def _signal(self, number: int) -> None:
        if self._server is None:
            return
        pid = self._server.pid
        # The parent first: it must not begin another child meanwhile.
        os.kill(pid, number)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(ProcessLookupError):  # a client went, and its process with it
                os.kill(int(child), number)

    def _call(self, *command: str | Path) -> None:
        subprocess.run(  # noqa: S603 - our own command
            command, check=True, stdout=subprocess.DEVNULL, **self._as
        )


@contextmanager
def cluster(*, host: str = "", port: int = 5432) -> Iterator[Cluster]:
    """Run a cluster; it is removed afterwards.

    Args:
        host: Addresses that it listens on besides its socket; none where empty.
        port: Of them, and of the socket's name.

    Raises:
        ConfigurationError: the machine has no PostgreSQL.
    """
    binaries = binaries_of_postgres()
    if binaries is None:
        raise ConfigurationError("no PostgreSQL on this machine: `apt-get install postgresql`")
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))  # short: a socket's path has 107 characters
    caretaker, found = Caretaker(folder), None
    try:
        found = Cluster(binaries, folder, host, port, caretaker)
        found.start()
        yield found
    finally:
        if found is not None:
            found.stop()
        caretaker.dismiss()
        shutil.rmtree(folder, ignore_errors=True)


def binaries_of_postgres() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; None where there is none."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    found = [folder for folder in versions if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    path = shutil.which("initdb")
    return Path(path).parent if path else None
