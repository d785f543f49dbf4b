"""What a request of one row costs beside the floor: the fewest lines that answer it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import TIMES, Figure, at_most, shown
from bench.gateway.ours import (
    ASYNC,
    LOG_MODES,
    REPLY_AFTER_COMMIT,
    Options,
    require_whole_log,
    start_ours,
)
from bench.gateway.pairs import PAIRS, Side, in_turn, ratio_of
from bench.gateway.run import Run
from bench.gateway.servers import Server, Start, free_port, require_answers, start
from bench.report import or_failed
from cli.rehearsal.processes import Processes

CONNECTIONS = (1, 8, 64)
SECONDS = 1
BOUNDS = {ASYNC: 1.35, REPLY_AFTER_COMMIT: 1.6}
SHADOW_BOUND = 2.0


def single(run: Run) -> Iterator[Figure]:
    """Measure with split, log and metrics on, in both modes of the log."""
    for mode in LOG_MODES:
        name = f"one row, {mode}"
        yield from or_failed(name, _against_bare(run, name, mode, BOUNDS[mode], shadow=0.0))


def shadow(run: Run) -> Iterator[Figure]:
    """Measure the same while the other model scores every request too, after the answer."""
    for mode in LOG_MODES:
        name = f"one row, {mode}, shadow of every request"
        yield from or_failed(name, _against_bare(run, name, mode, SHADOW_BOUND, shadow=1.0))


def floor(run: Run) -> Iterator[Figure]:
    """Show the floor itself: with LightGBM's C function, and with its Python package."""
    requests = run.made.requests("single")
    logs = run.folder / "floor"
    with Processes(logs, own_groups=True) as processes:
        booster = Side(start_bare(run, processes, logs, "booster"), requests)
        fast = Side(start_bare(run, processes, logs, "fast"), requests)
        found = in_turn(booster, fast, connections=8, pairs=run.of(PAIRS, 2), seconds=SECONDS)
    ratio = ratio_of(found)
    name = "CPU of the floor: Booster.predict against the C function, 8 connections"
    yield shown(name, ratio.median, TIMES, ratio.note)


def start_bare(run: Run, processes: Processes, logs: Path, form: str) -> Server:
    """Start the floor and see that it answers as the model does."""
    port = free_port()
    how = Start(
        name=f"bare-{form}",
        command=[
            *(sys.executable, "-m", "bench.gateway.bare"),
            *(form, str(run.made.champion), str(port)),
        ],
        port=port,
        path="/invocations",
        logs=logs,
    )
    bodies = run.made.bodies("single")
    server = start(processes, how, bodies[0])
    right = [answers[:1] for answers in run.made.expected]
    require_answers(server, bodies, right, answer_of=lambda said: said["predictions"][0])
    return server


def _against_bare(
    run: Run, name: str, mode: str, bound: float, *, shadow: float
) -> Iterator[Figure]:
    requests = run.made.requests("single")
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        ours = Side(start_ours(processes, house, "ours", Options(mode, shadow)), requests)
        bare = Side(start_bare(run, processes, house.logs, "fast"), requests)
        for connections in CONNECTIONS:
            title = f"CPU against bare: {name}, {connections} connections"
            run.say(title)
            figures = _at(run, ours, bare, connections=connections, title=title, bound=bound)
            yield from or_failed(title, figures)


def _at(
    run: Run, ours: Side, bare: Side, *, connections: int, title: str, bound: float
) -> Iterator[Figure]:
    found = in_turn(ours, bare, connections=connections, pairs=run.of(PAIRS, 2), seconds=SECONDS)
    require_whole_log(ours.server)
    ratio = ratio_of(found)
    yield at_most(title, ratio.median, bound, TIMES, ratio.note)
