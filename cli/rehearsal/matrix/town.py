"""A small world to kill things in: a project, its data, its clock, its gateways, and its states.

A state is a copy of everything that is kept on disk while nothing runs. Each walk starts from one,
so that no walk meets what another left.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from cli.rehearsal.matrix.mortal_gateway import KILL_AT_RECORD
from cli.rehearsal.periods import newly_matured
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import free_port
from simulation.drift import Shift, ShiftKind
from simulation.faults import WrongLabels, as_stored
from simulation.scenario import End, Scenario, project_file
from simulation.skew import inquiries_at_limit
from simulation.traffic import Replay
from simulation.world import World
from sixgates.adapters.clocks import set_clock
from sixgates.gates.errors import TransientError

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
FOUNDED = 20
"""Day on which the first model is trained; a day later inquiries begin to mean risk."""

STORY = Scenario(
    name="killed",
    teaches="Whatever dies, all that was promised holds.",
    expected=End.CONFIRMED,
    world=World(3, START, 75, 150, (Shift(ShiftKind.CONCEPT, 21, size=2.5, feature="inquiries"),)),
    live_from_day=FOUNDED,
    overrides={
        "validation": {"min_rows": 500},
        "training": {"rounds": 30},
        "watch": {"min_rows": 100},
        "comparison": {"margin": 0.05, "cold_start": "serve"},
        # A machine that plays two of these at once may answer slowly: speed is judged elsewhere.
        "canary": {
            "margin": 0.05, "min_periods": 3, "shares": (0.5,),
            "slow_ms": 60_000.0, "prediction_margin": None,
            "deadline": timedelta(days=35), "lease": timedelta(seconds=20),
        },
        "monitor": {"periods": 7, "slow_ms": 60_000.0, "prediction_margin": None},
    },
)  # fmt: skip

SPOILT = WrongLabels(from_day=FOUNDED, until_day=34, share=0.75)
"""What the spoilt data are like: a model of theirs is worse than the one that serves."""

_PATIENCE = 30.0


class Town:
    """One project with everything it needs, in one folder."""

    def __init__(self, folder: Path, processes: Processes, env: Mapping[str, str]) -> None:
        """Write project and data.

        Args:
            folder: Where everything lives.
            processes: Owner of the gateways' processes.
            env: Environment of every process of the town, but for where its things are.
        """
        self.home, self._states = folder / "home", folder / "states"
        self.clock = folder / "clock"
        self.env = {**env, "SIXGATES_HOME": str(self.home), "SIXGATES_CLOCK": str(self.clock)}
        self.project, self.frame = STORY.project, STORY.world.frame()
        self.file, self.data = folder / "killed.py", folder / "world.parquet"
        self.spoilt = folder / "spoilt.parquet"
        self._processes, self._skewed = processes, False
        self._ports = free_port(), free_port()
        # One for all states: labels are named after the requests that it sent.
        self._replay = Replay(
            f"http://127.0.0.1:{self._ports[0]}", self.project, self.frame, rows_per_request=50,
            serve_skew=lambda rows: inquiries_at_limit(rows) if self._skewed else rows,
        )  # fmt: skip
        folder.mkdir(parents=True)
        self.home.mkdir()
        self.file.write_text(project_file(STORY))
        self.frame.write_parquet(self.data)
        as_stored(self.frame, START, (SPOILT,), seed=1).write_parquet(self.spoilt)

    def at(self, day: float) -> None:
        """Set the clock to a day of the world."""
        set_clock(self.clock, START + timedelta(days=day))

    def keep(self, state: str) -> None:
        """Remember everything as it is; no gateway may run."""
        shutil.copytree(self.home, self._states / state / "home")
        shutil.copy(self.clock, self._states / state)

    def knows(self, state: str) -> bool:
        """Whether a state is remembered."""
        return (self._states / state).exists()

    def restore(self, state: str) -> None:
        """Make everything what it was; no gateway may run."""
        shutil.rmtree(self.home)
        shutil.copytree(self._states / state / "home", self.home)
        shutil.copy(self._states / state / "clock", self.clock)

    def live(self, first: int, until: int, *, skewed: bool = False) -> None:
        """Let days of traffic and of labels pass, then set the clock to the end of the last.

        Args:
            first: The first day.
            until: The day after the last.
            skewed: Whether requests lie about what the challenger learnt to trust.

        Raises:
            TransientError: a request failed.
        """
        self._skewed = skewed
        began, ended = (START + timedelta(days=day) for day in (first, until))
        for day in range(first, until):
            sent = self._replay.send(STORY.world.rows_of(self.frame, day))
            if sent.failed:
                raise TransientError(f"requests of day {day} failed: {sent.faults}")
        self._replay.send_labels(*newly_matured(self.frame, self.project, began, ended))
        self.at(until)

    def open_gateways(self, number: int, *, dies_at: str = "") -> list["Gateway"]:
        """Start gateways and wait until they answer.

        Args:
            number: One or two; the first is where the traffic goes.
            dies_at: Where the first dies by itself; see `cli.rehearsal.matrix.mortal_gateway`.
        """
        gateways = [
            Gateway(self._processes, self, port, dies_at if n == 0 else "")
            for n, port in enumerate(self._ports[:number])
        ]
        for gateway in gateways:
            gateway.wait()
        return gateways


class Gateway:
    """One gateway process on a port of its own, which it keeps over its deaths."""

    def __init__(self, processes: Processes, town: Town, port: int, dies_at: str) -> None:
        """Start it; `wait` waits until it answers."""
        self._processes, self._town, self._port = processes, town, port
        self.url = f"http://127.0.0.1:{port}"
        self.deaths: list[tuple[float, float]] = []
        """When it was killed, and when it answered again; monotonic seconds."""
        self._process = self._started(dies_at)

    def _started(self, dies_at: str = "") -> subprocess.Popen[str]:
        home = self._town.home
        return self._processes.spawn(
            "gateway",
            [sys.executable, "-m", "cli.rehearsal.matrix.mortal_gateway",
             "--model", self._town.project.name, "--ledger", f"sqlite:///{home / 'ledger.db'}",
             "--store", str(home / "models"), "--log", str(home / "log"),
             "--port", str(self._port)],
            env={**self._town.env, KILL_AT_RECORD: dies_at}, stdout=subprocess.PIPE,
        )  # fmt: skip

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            TransientError: it ended.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line or json.loads(line)["url"] != self.url:
            raise TransientError("a gateway did not start: see gateway.log")

    def unlogged(self) -> int:
        """Return how many answers it says it could not log since it started."""
        told = httpx.get(f"{self.url}/healthz", timeout=10.0).json()
        return int(told.get("unlogged", 0))

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    def die(self) -> None:
        """Be killed, and started again at once."""
        self._process.kill()
        self.rise()

    def rise(self) -> None:
        """Wait for its death, and start it again at once as one that does not die by itself.

        Raises:
            subprocess.TimeoutExpired: it did not die.
        """
        self._process.wait(timeout=_PATIENCE)
        self._close()
        died = time.monotonic()
        self._process = self._started()
        self.wait()
        self.deaths.append((died, time.monotonic()))

    def kill(self) -> None:
        """End at once, for what it leaves is not needed any more."""
        self._process.kill()
        self._process.wait()
        self._close()

    def stop(self) -> None:
        """Drain and end."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=15)
        self.kill()

    def _close(self) -> None:
        """Let go of its output: there are more gateways in a matrix than open files allowed."""
        if self._process.stdout:
            self._process.stdout.close()
