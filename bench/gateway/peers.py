"""What a request of one row costs other servers beside ours with everything on."""

from collections.abc import Iterator

from bench.environments import environment_of
from bench.figures import TIMES, Figure, at_least
from bench.gateway.ours import Options, start_ours
from bench.gateway.pairs import PAIRS, Side, in_turn, ratio_of
from bench.gateway.peer_servers import PEERS, Peer
from bench.gateway.run import Run
from bench.gateway.servers import require_answers, start
from bench.report import or_failed
from cli.rehearsal.processes import Processes

CONNECTIONS = 8
SECONDS = 1
TOLERANCE = 1e-9
"""A peer may write fewer digits; another model would differ by far more."""


def peers(run: Run) -> Iterator[Figure]:
    """Measure each against ours with split, log, metrics and access log on."""
    for peer in PEERS:
        name = f"CPU of {peer.title} against ours, everything on"
        yield from or_failed(name, _against_ours(run, peer, name))


def _against_ours(run: Run, peer: Peer, name: str) -> Iterator[Figure]:
    run.say(f"{peer.title}: environment")
    programs = environment_of(peer.requirements, run.environments)
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        how = peer.start(run.made, programs, house.logs)
        requests = run.made.requests(peer.requests)
        bodies = run.made.bodies(peer.requests)
        server = start(processes, how, bodies[0])
        right = [answers[:1] for answers in run.made.expected]
        require_answers(server, bodies, right, answer_of=peer.answer_of, tolerance=TOLERANCE)
        theirs = Side(server, requests)
        own = start_ours(processes, house, "ours", Options(shadow=0.0, access_log=True))
        ours = Side(own, run.made.requests("single"))
        run.say(f"{peer.title} against ours, {CONNECTIONS} connections")
        found = in_turn(
            theirs, ours, connections=CONNECTIONS, pairs=run.of(PAIRS, 2),
            seconds=SECONDS,
        )  # fmt: skip
    ratio = ratio_of(found)
    yield at_least(name, ratio.median, peer.at_least, TIMES, ratio.note)
