"""Plays a scenario in this process, with every way out of it closed."""

import socket
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
    """Who served when, and which gate said what: what two plays of a scenario must share."""
    steps = [(t["at"], t["step"], t["champion"], t["share"]) for t in result["timeline"]]
    said = [(v["at"], v["gate"], v["outcome"], v["move"]) for v in result["verdicts"]]
    return steps, said
