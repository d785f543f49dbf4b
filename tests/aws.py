"""A server that speaks AWS, for the tests of a module."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
SECRET = "hush-hush"


class Aws:
    """A running server of `tests/aws_server.py`."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-north-1",
            "AWS_DEFAULT_REGION": "eu-north-1",
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def plan(self, **what):
        """Say what is to happen, and begin to count anew."""
        self._call("POST", "/-/plan", content=json.dumps(what))

    def count(self):
        """Return how many requests changed anything, or were to, since the plan."""
        return self._call("GET", "/-/count").json()

    @contextmanager
    def keys_are_checked(self):
        """Let the server refuse the key of `environment`, for it knows no key."""
        self._call("POST", "/moto-api/reset-auth", content="0")
        try:
            yield
        finally:
            self._call("POST", "/moto-api/reset-auth", content="inf")

    def _call(self, method, path, **given):
        with httpx.Client(trust_env=False) as client:
            return client.request(method, f"{self.url}{path}", **given).raise_for_status()


@contextmanager
def aws(monkeypatch):
    """Run a server, with the environment of a caller set."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.aws_server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            server = Aws(int(process.stdout.readline()))
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                monkeypatch.delenv(name)
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            yield server
        finally:
            process.terminate()
