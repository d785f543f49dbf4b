"""How this project's gateway is started for a measurement."""

import sys
from dataclasses import dataclass
from urllib.request import urlopen

from bench.gateway.house import House
from bench.gateway.servers import Server, Start, free_port, require_answers, start
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

ASYNC, REPLY_AFTER_COMMIT = "async", "reply-after-commit"
LOG_MODES = (ASYNC, REPLY_AFTER_COMMIT)
TOKEN = "bench"  # noqa: S105 - of a gateway on loopback that lives for seconds


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line of the gateway says."""

    log_mode: str = REPLY_AFTER_COMMIT
    shadow: float = 1.0
    """Share of units whose rows the model that does not answer scores too."""
    access_log: bool = False


def start_ours(processes: Processes, house: House, name: str, options: Options) -> Server:
    """Start a gateway over a house, and see that it answers as the champion or canary does.

    Raises:
        TransientError: it does not answer.
        ContractError: it answers something else.
    """
    port = free_port()
    how = Start(
        name=name,
        command=command(house, port, options),
        port=port,
        path="/invocations",
        logs=house.logs,
        env=variables(house),
    )
    bodies = house.made.bodies("single")
    server = start(processes, how, bodies[0])
    right = [answers[:2] for answers in house.made.expected]  # champion's or canary's
    require_answers(server, bodies, right, answer_of=lambda said: said["predictions"][0])
    return server


def require_whole_log(server: Server) -> None:
    """See that a gateway logged every answer, and scored in shadow whatever it should.

    Raises:
        ContractError: it left some out, so that it did less than is to be measured.
    """
    with urlopen(f"{server.origin}/metrics", timeout=10) as answer:  # noqa: S310 - loopback
        lines = [line.split() for line in answer.read().decode().splitlines()]
    for name in ("unlogged", "unshadowed"):
        (left_out,) = [
            float(line[1]) for line in lines if line[0].startswith(f"sixgates_gateway_{name}{{")
        ]
        if left_out:
            raise ContractError(f"{left_out:,.0f} answers of {server.name} are {name}")


def command(house: House, port: int, options: Options) -> list[str]:
    """Return the command line of a gateway over a house; port 0 takes a free one."""
    given = [
        *("--model", house.made.model, "--store", str(house.store), "--log", str(house.log)),
        *("--port", str(port), "--log-mode", options.log_mode, "--shadow", str(options.shadow)),
    ]
    if options.access_log:
        given += ["--access-log", str(house.folder / "access.log")]
    return [sys.executable, "-m", "sixgates.gateway", *given]


def variables(house: House) -> dict[str, str]:
    """Return what a gateway over a house needs in its environment."""
    return {"SIXGATES_LEDGER_URL": house.ledger_url, "SIXGATES_GATEWAY_TOKEN": TOKEN}
