"""Every contract of the ledger holds on SQLite and on PostgreSQL; the latter is started here."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import pytest

from sixgates.ledger.ledger import Ledger

_NUMBERS = count(1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Return the address of a ledger that does not exist yet, on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return request.getfixturevalue("new_postgres_url")


@pytest.fixture
def ledger(url):
    ledger = Ledger(url)
    yield ledger
    ledger.close()


@pytest.fixture
def new_postgres_url(postgres):
    psycopg = pytest.importorskip("psycopg", reason="psycopg, the extra `postgres`, is not there")
    name = f"ledger_{next(_NUMBERS)}"
    with psycopg.connect(f"host={postgres} user=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://postgres@/{name}?host={postgres}"


@pytest.fixture(scope="session")
def postgres():
    """Start a cluster of its own from the machine's binaries; yield the folder of its socket."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL binaries (initdb, postgres) on this machine")
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))  # short: a socket's path has 107 characters
    user = _user()
    if user:
        shutil.chown(folder, user)
    as_user = {"user": user, "extra_groups": []} if user else {}
    try:
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_user,
        )  # fmt: skip
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off",
                    "max_connections=120")  # fmt: skip
        with (folder / "log").open("wb") as log, subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data",
             *(word for setting in settings for word in ("-c", setting))],
            cwd=folder, stdout=log, stderr=log, **as_user,
        ) as server:  # fmt: skip
            try:
                _wait(binaries, folder, server)
                yield folder
            finally:
                server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed again
                try:
                    server.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries():
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    found = [folder for folder in versions if (folder / "initdb").exists()]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    path = shutil.which("initdb")
    return Path(path).parent if path else None


def _user():
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _wait(binaries, folder, server):
    ready = [binaries / "pg_isready", "-q", "-h", folder]
    deadline = time.monotonic() + 60
    while subprocess.run(ready, check=False).returncode:
        assert server.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "PostgreSQL did not start within a minute"
        time.sleep(0.05)
