"""How a rehearsal is told to stop, and what ends where it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cli.rehearsal.full.postgres import binaries_of_postgres
from cli.rehearsal.processes import terminate_as_interrupt

ROOT = Path(__file__).resolve().parents[2]


def test_what_nohup_started_goes_on_when_its_terminal_closes_and_ends_when_it_is_told_to():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminate_as_interrupt():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_postgresql_ends_with_an_owner_that_is_killed_and_its_folder_goes():
    if binaries_of_postgres() is None:
        pytest.skip("no PostgreSQL on this machine")
    owner = (
        "import time\n"
        "from cli.rehearsal.full.postgres import cluster\n"
        "with cluster() as postgres:\n"
        "    print(postgres.folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", owner]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        process.kill()
    deadline = time.monotonic() + 60
    while folder.exists() or (server.is_running() and server.status() != psutil.STATUS_ZOMBIE):
        assert time.monotonic() < deadline
        time.sleep(0.1)
