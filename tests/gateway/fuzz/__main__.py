"""`python -m tests.gateway.fuzz`: throw malformed requests at a gateway, and say what came back."""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.gateway.fuzz.kinds import draw
from tests.gateway.fuzz.run import GROWTH, Run
from tests.gateway.fuzz.talk import Talk
from tests.gateway.fuzz.target import target


class Progress:
    """Says every few seconds how far it is."""

    def __init__(self, n):
        self._n = n
        self._next = time.monotonic() + 5

    def __call__(self, result):
        if time.monotonic() < self._next:
            return
        self._next += 5
        share = result.sent / self._n
        sys.stderr.write(f"{result.sent:,} sent ({share:.0%}), {len(result.faults)} faults\n")


def replay(seed, number):
    """Send one case again, and show it."""
    name, case = draw(seed, number)
    sys.stdout.write(f"{name}\n")
    for piece in case.pieces:
        sys.stdout.write(f"> {piece!r}\n")
    with tempfile.TemporaryDirectory() as folder, target(Path(folder)) as gateway:
        for answer in Talk(gateway.address).send(case):
            sys.stdout.write(f"< {answer.status} {answer.headers} {answer.body!r}\n")
        sys.stdout.write("".join(f"! {fault}\n" for fault in gateway.stop()))


def table(answers):
    """Write how often each kind of case met each status."""
    by_kind = defaultdict(list)
    for (kind, status), n in sorted(answers.items()):
        by_kind[kind].append(f"{status}: {n:,}")
    return "".join(f"{kind:45} {'  '.join(found)}\n" for kind, found in by_kind.items())


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=6, help="connections at once")
    parser.add_argument("--json", action="store_true", help="write the result as JSON")
    parser.add_argument("--replay", type=int, metavar="CASE", help="send that case alone")
    given = parser.parse_args()
    if given.replay is not None:
        replay(given.seed, given.replay)
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, target(Path(folder)) as gateway:
        run = Run(gateway, given.seed, given.requests, given.clients, Progress(given.requests))
        result = run.play()
        lines = gateway.lines()
        faults = [*result.faults, *gateway.stop()]
        said = {
            "requests": result.sent,
            "seed": given.seed,
            "seconds": round(time.monotonic() - started, 1),
            "good": gateway.good,
            "lines": lines,
            "warm_mib": round(result.warm, 1),
            "end_mib": round(result.rss, 1),
            "growth_bound_mib": GROWTH,
            "answers": [[*key, n] for key, n in sorted(result.answers.items())],
            "faults": faults,
        }
    sys.stdout.write(json.dumps(said) + "\n" if given.json else report(said, result.answers))
    return 1 if faults else 0


def report(said, answers):
    """Write a result for people."""
    by_status = defaultdict(int)
    for (_, status), n in answers.items():
        by_status[status] += n
    totals = "  ".join(f"{status}: {n:,}" for status, n in sorted(by_status.items()))
    return (
        f"{table(answers)}\n{'all':45} {totals}\n\n"
        f"{said['requests']:,} malformed requests in {said['seconds']:,} s (seed {said['seed']});"
        f" {said['good']:,} good ones among them answered right, bit for bit\n"
        f"log: {said['lines']['predictions']:,} predictions, {said['lines']['labels']:,} labels,"
        " every line whole\n"
        f"memory: {said['warm_mib']} MiB at most in the warm-up, {said['end_mib']} at the end"
        f" (may grow by {said['growth_bound_mib']})\n"
        + "".join(f"FAULT {fault}\n" for fault in said["faults"])
        + f"{len(said['faults'])} faults\n"
    )


if __name__ == "__main__":
    sys.exit(main())
