import resource
import subprocess
import sys
from functools import partial

CODE = """
import resource
from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.open_files import make_room

try:
    make_room()
except ConfigurationError as exc:
    print(exc)
else:
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def said(soft, hard):
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    command = [sys.executable, "-c", CODE]
    return subprocess.run(
        command, preexec_fn=limit, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_low_limit_of_open_files_is_raised_as_far_as_connections_need_it():
    assert said(256, 4096) == "1128"


def test_a_limit_that_is_high_enough_stays():
    assert said(3000, 4096) == "3000"


def test_too_few_open_files_end_with_a_sentence():
    assert said(256, 512) == (
        "a process may open 512 files here, and 1,000 connections need 1,128: raise the limit"
        " (ulimit -Hn)"
    )
