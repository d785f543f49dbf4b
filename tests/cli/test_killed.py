"""A command that is killed leaves no server behind that Prefect had started for it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_rehearse import processes_of
from tests.docs.test_readme import README, ROOT, blocks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc"),
]

HANGS = """
import sys, time
from pathlib import Path
if "prefect.server.api.server" in sys.modules:
    Path(__file__).with_name("hangs").touch()
    time.sleep(600)
"""
"""What a project file says that is loaded at once by the command, and never by its flow."""


def test_a_tick_that_is_killed_leaves_no_temporary_server(tmp_path):
    project = tmp_path / "churn.py"
    project.write_text(blocks(README, "python")[0] + HANGS)
    env = {**os.environ, "SIXGATES_HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect")}
    env.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-c", "from cli.main import run; run()", "tick"]
    with subprocess.Popen([*command, "--project", project], cwd=ROOT, env=env) as process:
        within(240, lambda: (tmp_path / "hangs").exists() and process.poll() is None)
        assert any(b"uvicorn" in line for line in processes_of(tmp_path))
        process.kill()
    within(30, lambda: processes_of(tmp_path) == [])


def within(seconds, holds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
