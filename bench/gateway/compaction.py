"""Sealed segments put into the table, by the command that an installation schedules."""

import subprocess
import sys
from functools import cache

from bench.gateway.house import House
from bench.gateway.servers import environment
from sixgates.gates.errors import ContractError


def compact(house: House) -> bool:
    """Compact what is sealed; False where this version has no compaction yet.

    Raises:
        ContractError: the command failed.
    """
    if not exists():
        return False
    done = _sixgates("compact", SIXGATES_HOME=str(house.folder))
    if done.returncode:
        raise ContractError(f"the log was not compacted: {done.stderr.strip()[-400:]}")
    return True


@cache
def exists() -> bool:
    """Whether this version compacts its log."""
    return not _sixgates("compact", "--help").returncode


def _sixgates(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", "from cli.main import run; run()", *arguments],
        capture_output=True, text=True, check=False, env=environment(**variables),
    )  # fmt: skip
