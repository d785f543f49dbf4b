"""Schemathesis on the published document, against a real gateway process.

It sends what the document allows and what it forbids, and holds every answer against it: status,
content type, headers, schema, and who is let in.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.gateway.sockets import TOKEN, running

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


def check(gateway, tmp_path, *phases, token=TOKEN):
    """Fail with what a run finds."""
    document = tmp_path / "openapi.json"
    bearer = {"authorization": f"Bearer {TOKEN}"}
    document.write_bytes(httpx.get(f"{gateway.url}/openapi.json", headers=bearer).content)
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "--config-file", HERE / "schemathesis.toml", "run", document,
         "--url", gateway.url, "--seed", "5", "--no-color", "--phases", ",".join(phases)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]),
            "SIXGATES_TEST_TOKEN": token,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
    paths = json.loads(document.read_bytes())["paths"]
    assert f"Tested: {sum(map(len, paths.values()))}" in done.stdout


@pytest.fixture
def served(house, champion, challenger):
    house.route(champion, challenger, 0.5, lease=10_000)
    return house


def test_no_answer_is_other_than_the_document_says(served, tmp_path):
    with running(served) as gateway:
        check(gateway, tmp_path, "examples", "coverage", "fuzzing")
        assert gateway.stop() == (0, "")


@pytest.mark.parametrize("token", ["may-read", "unknown"])
def test_where_calls_need_a_token_none_is_answered_without(served, tmp_path, token):
    file = tmp_path / "tokens"
    file.write_text("read may-read\n")
    file.chmod(0o600)
    with running(served, "--host", "0.0.0.0", tokens=file) as gateway:
        check(gateway, tmp_path, "coverage", token=token)
        assert gateway.stop() == (0, "")
