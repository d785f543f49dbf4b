"""Another process that acts, and may be killed while it does."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from cli.rehearsal.matrix.town import Town
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError


@dataclass(frozen=True, slots=True)
class Walk:
    """How one walk ended."""

    killed: bool
    said: Any = None
    """What it returned; None where it was killed or broke."""
    refused: str = ""
    """The sentence with which it ended instead, because something does not answer or is wrong."""
    broke: str = ""
    """The traceback with which it ended where nobody foresaw it."""
    writes: int = 0
    """Commits and files put in their places."""


class Walker:
    """Asks the process of `cli.rehearsal.matrix.walker` for one walk after the other."""

    def __init__(self, processes: Processes, town: Town) -> None:
        """Start the process.

        Args:
            processes: Owner of the process.
            town: Where it walks.
        """
        self._town = town
        self._process = processes.spawn(
            "walker", [sys.executable, "-m", "cli.rehearsal.matrix.walker"], env=town.env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def act(self, act: str, *, spoilt: bool = False, **environment: str) -> Walk:
        """Let a child of the process act; where it must die is part of its environment."""
        town = self._town
        data = str(town.spoilt if spoilt else town.data)
        asked = {
            "act": act, "project": str(town.file), "data": data, "environment": environment,
        }  # fmt: skip
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - both are pipes
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise TransientError("the process that walks has ended: see walker.log")
        return Walk(**json.loads(answer))

    def look(self) -> dict[str, Any]:
        """Return what ledger, registry and gateways say now; see `cli.rehearsal.matrix.look.look`.

        Raises:
            TransientError: it could not be found out.
        """
        walk = self.act("look")
        if walk.said is None:
            raise TransientError(f"nobody could look: {walk.refused or walk.broke}")
        return dict(walk.said)
