"""`sixgates serve` as a script starts it: one JSON line, and an orderly end on SIGTERM."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


def test_a_script_learns_the_address_and_may_stop_the_gateway(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import run; run()", "serve", "--project", "loans",
         "--port", "0", "--json"],
        cwd=ROOT, env={**os.environ, "SIXGATES_HOME": str(tmp_path)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        url = json.loads(process.stdout.readline())["url"]
        assert httpx.get(f"{url}/healthz").status_code == 503  # nothing is served yet
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
