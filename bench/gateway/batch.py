"""What a request of 1,000 rows costs beside `Booster.predict` alone on the same matrix."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product

from bench.figures import TIMES, Figure, at_most, shown
from bench.gateway.load import cost
from bench.gateway.made import MODEL
from bench.gateway.ours import LOG_MODES, Options, start_ours
from bench.gateway.pairs import PAIRS
from bench.gateway.run import Run
from bench.gateway.servers import environment
from bench.report import or_failed
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

SECONDS = 1
BOUND = 1.25
AS_TENSORS, AS_JSON = "as tensors", "as JSON"
"""Of the Open Inference Protocol, behind the JSON; and of MLflow's."""
PARTS = {
    "decode": "msgspec, of the body as JSON",
    "matrix": "NumPy, of lists of floats",
    "split": "xxHash, of each unit",
    "log": "msgspec, of the record",
    "reply": "msgspec, of the predictions",
}
"""What else there is to do for a batch, and with what it is measured alone."""


def batch(run: Run) -> Iterator[Figure]:
    """Measure a batch in both modes of the log, and what its parts take at least."""
    with _alone(run) as alone:
        for form, mode in product((AS_TENSORS, AS_JSON), LOG_MODES):
            name = f"CPU of 1,000 rows {form} against Booster.predict alone, {mode}"
            yield from or_failed(name, _against_alone(run, alone, name, form, mode))
        run.say("1,000 rows, the least that each part takes")
        for part, how in PARTS.items():
            micros = alone.micros(part, SECONDS)
            yield shown(f"1,000 rows, {part} alone", micros / 1e3, " ms", how)


class Alone:
    """The process that does one part of the work and nothing else."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Ask this one."""
        self._process = process

    def micros(self, part: str, seconds: float) -> float:
        """Return the processor time of a part for one batch, in µs.

        Raises:
            ContractError: the process is gone.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both are pipes
        assert stdout is not None  # noqa: S101
        with suppress(BrokenPipeError):
            stdin.write(f"{part} {seconds}\n")
            stdin.flush()
        said = stdout.readline()
        if not said:
            raise ContractError(f"{part} alone could not be measured: see alone.log")
        return float(json.loads(said))


@contextmanager
def _alone(run: Run) -> Iterator[Alone]:
    requests = run.made.requests("batch").parent
    command = [sys.executable, "-m", "bench.gateway.alone", str(requests), str(run.made.champion)]
    with Processes(run.folder / "alone", own_groups=True) as processes:
        yield Alone(
            processes.spawn(
                "alone", command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )


def _against_alone(run: Run, alone: Alone, name: str, form: str, mode: str) -> Iterator[Figure]:
    requests = run.made.requests("batch") if form == AS_JSON else run.made.tensors
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        ours = start_ours(processes, house, "ours", Options(mode, shadow=0.0))
        if form == AS_TENSORS:
            ours = replace(ours, url=f"{ours.origin}/v2/models/{MODEL}/infer")
        cost(ours, requests, 1, 1)  # warm up
        found = []
        for i in range(run.of(PAIRS, 2)):
            run.say(f"1,000 rows {form}, {mode}, pair {i + 1}")
            found.append(
                (cost(ours, requests, 1, SECONDS).micros, alone.micros("predict", SECONDS))
            )
    ratios = [whole / predict for whole, predict in found]
    whole, predict = (statistics.median(pair[i] for pair in found) / 1e3 for i in (0, 1))
    note = (
        f"median of {len(ratios)} pairs, {min(ratios):.2f} to {max(ratios):.2f};"
        f" {whole:.1f} ms against {predict:.1f} ms"
    )
    yield at_most(name, statistics.median(ratios), BOUND, TIMES, note)
