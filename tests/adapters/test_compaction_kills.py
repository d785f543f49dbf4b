"""A compaction dies at any of its steps, and no row is lost or doubled.

The steps are found and not listed: an undisturbed compaction looks at the disk before each line of
the code that it comes to, and tells where it had changed. Inside Delta and Polars no line is ours:
there it dies amid a write instead.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sixgates.adapters.log_records import Stream
from tests.adapters.a_log import ALog, label, prediction

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EVERY = 2
"""Of the steps each so many-th is played."""
SIZES = [*range(1, 4_000, 400), *range(4_000, 12_000, 1_000)]
"""Bytes up to which the files of a compaction may grow."""


@pytest.fixture(scope="module")
def mortal():
    with subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.mortal_compaction"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip

        def ask(home, **where):
            process.stdin.write(json.dumps({"home": str(home), **where}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.fixture(scope="module", params=["first", "later"])
def lived(request, tmp_path_factory):
    """A log with segments to compact; a later one has tables to pack, and a file to delete."""
    log = ALog(tmp_path_factory.mktemp("lived"))
    for n in range(7):
        log.write(f"predictions-{100 + n}-1", *(prediction(f"{n}.{i}") for i in range(30)))
        log.write(f"labels-{100 + n}-1", *(label(f"{n}.{i}", f"{n}") for i in range(30)))
        if request.param == "later" and n in {1, 2}:
            log.compact()
    log.write("predictions-200-1", prediction("torn")[:30])
    if request.param == "later":
        orphan = log.table(Stream.LABELS).folder / "orphan.parquet"
        orphan.touch()
        os.utime(orphan, (0, 0))
    return log.home


def play(mortal, lived, home, **where):
    """Let a compaction die, look whether all is there, and let the next one end the work."""
    shutil.copytree(lived, home)
    log = ALog(home)
    died = mortal(home, **where)
    log.assert_whole()
    log.compact()
    log.assert_whole()
    log.assert_all_in_tables()
    shutil.rmtree(home)
    return died


def test_it_may_die_before_any_line(mortal, lived, tmp_path):
    states = play(mortal, lived, tmp_path / "undisturbed")["states"]
    assert len(states) > 20
    for step in states[::EVERY]:
        died = play(mortal, lived, tmp_path / "home", step=step)
        assert died["signal"] == signal.SIGKILL


def test_it_may_die_amid_any_write(mortal, lived, tmp_path):
    ends = [play(mortal, lived, tmp_path / "home", bytes=size)["signal"] for size in SIZES]
    assert ends[0] == signal.SIGXFSZ
    assert ends[-1] == 0
    assert ends.count(signal.SIGXFSZ) > 5
