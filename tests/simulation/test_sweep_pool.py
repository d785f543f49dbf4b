import multiprocessing as mp
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from simulation.sweep.pool import Task, apart, cores, play
from simulation.sweep.rules import Limits
from simulation.sweep.runs import cells_of
from sixgates.gates.errors import TransientError

ROOT = Path(__file__).parents[2]
LONG = ["sweep", "--worlds", "50000", "--scenario", "iid"]
# A shell that starts the tests in the background lets them ignore Ctrl-C, and so their children.
RUN = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
from cli.main import run; run()
"""


def _die():
    os._exit(1)


def _threads():
    return os.environ["OMP_NUM_THREADS"]


def _cells(processes):
    tasks = [
        Task(f"{world} {effect}", cells_of, (world, effect, 120, 3, Limits()))
        for world in ("iid", "paired-iid")
        for effect in (0.0, 1.0)
    ]
    told = []
    found = list(play(tasks, processes=processes, told=told.append))
    assert sorted(task.name for task in told) == sorted(task.name for task in tasks)
    return found


def test_one_process_and_two_give_the_same_cells_in_the_same_order():
    assert _cells(1) == _cells(2)
    assert mp.active_children() == []


def test_an_error_of_a_task_travels_up_and_leaves_no_process():
    tasks = [Task("wrong", int, ("x",)), Task("slow", time.sleep, (60,))]
    began = time.monotonic()
    with pytest.raises(ValueError, match="invalid literal"):
        list(play(tasks, processes=2, told=lambda _: None))
    assert time.monotonic() - began < 30
    assert mp.active_children() == []


def test_a_process_that_is_ended_from_outside_is_named():
    with pytest.raises(TransientError, match="ended from outside"):
        apart(_die)


def test_the_processes_compute_with_one_thread_and_leave_the_setting_alone():
    before = dict(os.environ)
    assert apart(_threads) == "1"
    assert dict(os.environ) == before
    assert cores() >= 1


@pytest.mark.skipif(
    cores() == 1 or not Path("/proc").exists(), reason="needs two cores, and /proc to look around"
)
@pytest.mark.parametrize(
    ("kill", "how", "after"),
    [(os.killpg, signal.SIGINT, 0), (os.kill, signal.SIGINT, 3), (os.kill, signal.SIGKILL, 3)],
)
def test_an_interrupted_sweep_ends_at_once_and_leaves_no_process(kill, how, after):
    command = subprocess.Popen(
        [sys.executable, "-c", RUN, *LONG],
        cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        # Libraries start programs of their own while they are loaded: not those are waited for.
        _wait(lambda: any(map(_plays, _of_session(command.pid))), 30)
        time.sleep(after)
        kill(command.pid, how)
        said = command.communicate(timeout=10)[1].decode()
        _wait(lambda: not _of_session(command.pid), 10)
    finally:
        for left in _of_session(command.pid):
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
    if how is signal.SIGINT:
        assert command.returncode == 130
        assert "interrupted" in said
        assert "Traceback" not in said


def _of_session(session):
    """Every living process of a session, from the sixth field of its `stat`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its = stat.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(its) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


def _plays(process):
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _wait(reached, seconds):
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.1)
