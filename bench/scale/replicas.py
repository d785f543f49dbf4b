"""Gateways that share a ledger: started, asked what they serve, stopped and started again."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.gateway.client import connect
from bench.gateway.house import House
from bench.gateway.ours import TOKEN, Options, command, variables
from bench.gateway.servers import environment, free_port
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError

_DEAF = (
    "import sys;from sixgates.ledger.ledger import Ledger;Ledger.listen = lambda *_: None;"
    "from sixgates.gateway.__main__ import main;sys.exit(main())"
)
"""A gateway that is told of nothing: what there is behind a proxy that does not pass it on."""
_ASK = (
    "GET /serving HTTP/1.1\r\nhost: gateway\r\n"
    f"authorization: Bearer {TOKEN}\r\n\r\n"
).encode()  # fmt: skip
_PAUSE_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Replica:
    """One gateway, which keeps its port when it is started again."""

    name: str
    processes: Processes
    command: Sequence[str]
    env: Mapping[str, str]
    """Beside the bench's own environment."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it accepts requests.

        Raises:
            TransientError: it does not.
        """
        self.process = self.processes.spawn(
            self.name, [*self.command, "--port", str(self.port)], env=environment(**self.env),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        if not (self.process.stdout and self.process.stdout.readline()):
            raise TransientError(f"{self.name} did not start: see its log")

    def stop(self) -> None:
        """Stop it as a supervisor does, and wait until it has drained.

        Raises:
            TransientError: it does not end, or not well.
        """
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=_PATIENCE_SECONDS):
            raise TransientError(f"{self.name} ended badly: see its log")


def replicas_of(
    house: House, processes: Processes, number: int, *, deaf: bool = False
) -> list[Replica]:
    """Return gateways over a house, none of them started.

    Args:
        house: Whose ledger, store and log they share.
        processes: Their owner.
        number: How many.
        deaf: Whether nobody tells them of a new route, so that they poll alone.
    """
    how = command(house, 0, Options())
    if deaf:
        how = [sys.executable, "-c", _DEAF, *how[3:]]
    return [Replica(f"replica-{i}", processes, how, variables(house)) for i in range(number)]


async def until_served(ports: Sequence[int], epoch: int) -> float:
    """Return when the last of some gateways says that it serves an epoch, in monotonic seconds.

    Raises:
        TransientError: one does not come to it.
    """
    return max(await asyncio.gather(*(_until_served(port, epoch) for port in ports)))


async def _until_served(port: int, epoch: int) -> float:
    connection = await connect(port)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while time.monotonic() < deadline:
            reply = await connection.ask(_ASK)
            if json.loads(reply.body)["epoch"] >= epoch:
                return reply.at
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        connection.close()
    raise TransientError(f"the gateway on port {port} does not come to epoch {epoch}")
