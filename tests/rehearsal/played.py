"""Plays a scenario in this process, with every way out of it closed."""

import socket
from itertools import groupby
from unittest.mock import patch

from cli.rehearsal.scenes import play_scenario
from cli.rehearsal.virtual.theatre import virtual_stage


def played(scenario, home):
    """Return the result of a virtual play; whoever calls a server fails it."""

    def refuse(_socket, address):
        raise AssertionError(f"a virtual rehearsal called {address}")

    lines = []
    with patch.object(socket.socket, "connect", refuse), virtual_stage(home) as stage:
        result = play_scenario(scenario, home, stage, lines.append)
    assert lines, "nothing was told on the way"
    return result


def moves(result):
    """What two plays of a scenario share: gates 1 to 4 to the day, then the steps in their order.

    By when a canary has seen enough depends on whom it answers, which the name of its run decides.
    """
    early = {"validate", "retrain", "evaluate", "compare"}
    said = [(v["at"], v["gate"], v["outcome"]) for v in result["verdicts"] if v["gate"] in early]
    steps = [(t["step"], t["champion"]) for t in result["timeline"]]
    return said, [step for step, _ in groupby(steps)]
