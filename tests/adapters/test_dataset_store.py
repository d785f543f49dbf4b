# ruff: noqa: DTZ001 - event time is naive UTC
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from sixgates.adapters.atomic_files import replace_atomically
from sixgates.adapters.dataset_store import first_rows, read_dataset, rows_digest, write_dataset
from sixgates.gates.errors import ContractError
from sixgates.gates.ports import DatasetRef


@pytest.fixture
def store(tmp_path, rows):
    def store():
        return write_dataset(
            tmp_path / "runs",
            "r1",
            accepted=rows[:-1],
            quarantined=rows[-1:].with_columns(rule=pl.lit("age >= 0")),
            source="rides.parquet",
            as_of=datetime(2026, 2, 1),
            matured=500,
        )

    return store


def test_rows_come_back_with_counts(store, rows):
    ref = store()
    assert read_dataset(ref).equals(rows[:-1])
    assert pl.read_parquet(ref.quarantine)["rule"].to_list() == ["age >= 0"]
    assert (ref.rows, ref.quarantined, ref.matured) == (599, 1, 500)


def test_rows_come_back_from_a_home_of_any_name(rows, tmp_path):
    moment = datetime(2026, 2, 1)
    ref = write_dataset(
        tmp_path / "home[1]", "r1", accepted=rows, quarantined=rows[:0], source="", as_of=moment,
        matured=0,
    )  # fmt: skip
    assert read_dataset(ref).equals(rows)
    assert first_rows(ref, 9).equals(rows[:9])


def test_what_a_killed_worker_left_beside_the_rows_is_no_part_of_them(rows, tmp_path):
    place = tmp_path / "accepted.parquet"
    place.mkdir()
    for number in range(2):
        rows[300 * number :][:300].write_parquet(place / f"part-{number}.parquet")
    (place / ".part-1.parquet.x7k").write_bytes(b"PAR1, and the worker died")
    moment = datetime(2026, 2, 1)
    ref = DatasetRef(str(place), rows_digest(place), "", moment, rows.height, 0, "", 0)
    assert read_dataset(ref).equals(rows)
    assert first_rows(ref, 9).equals(rows[:9])


def test_half_a_file_of_a_process_that_was_killed_goes_when_its_run_goes_on(store, tmp_path):
    kill = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from sixgates.adapters.atomic_files import replace_atomically\n"
        "def write(place):\n"
        "    place.write_bytes(b'PAR1')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "replace_atomically(Path(sys.argv[1]), write)\n"
    )
    folder = tmp_path / "runs" / "r1"
    for _ in range(2):
        command = [sys.executable, "-c", kill, folder / "accepted.parquet"]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(folder.iterdir())) == 2

    store()

    assert {file.name for file in folder.iterdir()} == {"accepted.parquet", "quarantine.parquet"}


def test_writing_the_same_run_twice_gives_an_equal_reference(store, tmp_path):
    assert store() == store()
    assert len(list((tmp_path / "runs" / "r1").iterdir())) == 2


def test_changed_rows_are_refused(store, rows):
    ref = store()
    rows[:-2].write_parquet(ref.path)
    with pytest.raises(ContractError, match="changed since"):
        read_dataset(ref)


def test_missing_rows_are_refused(store, tmp_path):
    with pytest.raises(ContractError, match="gone"):
        read_dataset(replace(store(), path=str(tmp_path / "none.parquet")))


def test_a_write_that_fails_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")

    def fail(temporary: Path):
        temporary.write_text("half")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - ours, without a message
        replace_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.glob(".*")) == []
