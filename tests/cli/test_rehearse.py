"""The rehearsal as a user runs it: real servers, real HTTP, a real worker, its own folder."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from cli.rehearsal.matrix.mortal_gateway import RECORDS
from cli.rehearsal.matrix.whole import KINDS
from cli.rehearsal.perform import perform
from cli.rehearsal.rehearse import Rehearsed
from cli.say import Code
from simulation.catalogue import CATALOGUE, scenario_of
from simulation.world import World
from tests.adapters.a_report import history
from tests.rehearsal.played import moves
from tests.rehearsal.played import played as virtual

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def start(*words, home):
    return subprocess.Popen(
        [sys.executable, "-c", "from cli.main import run; run()", "rehearse", *words,
         "--home", str(home)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def processes_of(home):
    """Command lines of living processes whose environment or arguments name the folder."""
    return list(by_pid(home).values())


def by_pid(home):
    """The same, by the ids of the processes."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            status = (entry / "stat").read_text()
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if status.rsplit(")", 1)[1].split()[0] != "Z" and str(home).encode() in text:
            found[int(entry.name)] = (entry / "cmdline").read_bytes()
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_scenarios_end_as_expected_as_virtual_ones_do_and_leave_nothing_running(tmp_path):
    names = ("healthy-drift", "canary-regression")
    process = start(*names, "--json", home=tmp_path)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-2000:]
    document = json.loads(out)  # JSON alone on stdout
    played = {s["scenario"]: s for s in document["scenarios"]}
    assert set(played) == set(names)
    for scenario in played.values():
        assert scenario["actual"] == scenario["expected"]
        assert scenario["failed_requests"] == 0
        assert scenario["proved"]
    healthy, canary = (played[name] for name in names)
    assert healthy["serving"]["champion"] == "2"
    assert canary["serving"]["champion"] == "1"
    assert canary["serving"]["beside"] == ""
    # The automation started it: no one else asked for the second retrain.
    assert [r["trigger"] for r in healthy["retrains"]] == ["first model", "drift"]
    assert list(healthy["retrains"][1]["verdicts"]) == [
        "validate", "retrain", "evaluate", "compare", "canary", "monitor",
    ]  # fmt: skip
    assert Path(document["report"]).is_file()
    assert processes_of(tmp_path) == []
    for name in names:
        assert moves(virtual(scenario_of(name), tmp_path / "virtual" / name)) == moves(played[name])


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_stops_everything(tmp_path, sign):
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what nohup started would go on
    process = start("no-drift", home=tmp_path)
    signal.signal(signal.SIGHUP, former)
    deadline = time.monotonic() + 60
    while not any(b"cli.rehearsal.lane" in line for line in processes_of(tmp_path)):
        assert time.monotonic() < deadline, "the lane never started"
        time.sleep(0.1)
    time.sleep(2)
    process.send_signal(sign)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert processes_of(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("at_work", [b"sixgates.gateway", b"prefect.engine"])
def test_a_rehearsal_that_is_killed_leaves_nothing_running(tmp_path, at_work):
    process = start("healthy-drift", home=tmp_path)
    deadline = time.monotonic() + 180
    while not any(at_work in line for line in processes_of(tmp_path)):
        assert process.poll() is None
        assert time.monotonic() < deadline, f"{at_work} never started"
        time.sleep(0.1)
    time.sleep(2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while left := processes_of(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, Code.DONE, ""),
        (
            {"failed_requests": 12, "first_failure": "loans-7: 400 no such class"},
            Code.UNEXPECTED,
            "loans: 12 requests failed, the first of them loans-7: 400 no such class",
        ),
        (
            {"proved": False},
            Code.UNEXPECTED,
            "loans: the gateway does not serve what the ledger says",
        ),
    ],
)
def test_a_history_that_was_not_answered_whole_ends_with_1(
    tmp_path, monkeypatch, capsys, changes, code, said
):
    def played(_job, home, *_):
        return Rehearsed(home, {"loans": history(**changes) | {"project": "loans"}}, {}, {})

    monkeypatch.setattr("cli.rehearsal.perform.rehearse", played)
    data = tmp_path / "rows.parquet"
    World(3, datetime(2026, 1, 5), 1, 9).frame().write_parquet(data)  # noqa: DTZ001 - naive UTC
    asked = {"project": "loans", "data": str(data), "parent": tmp_path}
    off = dict.fromkeys(("keep", "virtual", "full", "every", "as_json"), False)
    assert perform([], **asked, **off) == code
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-scenario"], "no scenario is called no-such-scenario"),
        (["--project", "bikes"], "project bikes has no source: give --data"),
        (["--project", "bikes", "--data", "postgresql://a:b@h/d#SELECT 1"], "the password stands"),
        (["--data", "x.parquet"], "--data needs --project"),
        (["--project", "bikes", "--data", "missing.parquet"], "missing.parquet"),
        (["no-drift", "--project", "bikes"], "not both"),
        (["no-drift", "--all"], "not both"),
        (["no-drift", "--virtual", "--keep"], "nothing for --keep"),
        (["no-drift", "--virtual", "--stack"], "nothing for --stack"),
        (["missing.py", "--virtual"], "the scenario missing.py cannot be read"),
        (["no-drift", "no-drift"], "two scenarios are called no-drift"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_starts(tmp_path, words, sentence):
    process = start(*words, home=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_part_of_the_kill_matrix_tells_what_it_looked_for_and_leaves_nothing_running(tmp_path):
    part = "gateway killed as it records"
    process = start("kill-matrix", part, "--repeats", "1", "--json", home=tmp_path)
    out, err = process.communicate(timeout=240)
    document = json.loads(out)
    late = document["violations"].pop("late gateways")  # a busy machine; the full matrix judges it
    assert process.returncode == (Code.UNEXPECTED if late else Code.DONE), err[-2000:]
    assert document["points"] == document["plays"] == len(RECORDS)
    assert (document["repeats"], document["failed_requests"]) == (1, 0)
    assert document["requests"] > 0
    assert document["violations"] == dict.fromkeys(set(KINDS) - {"late gateways"}, 0)
    assert processes_of(tmp_path) == []


def test_a_scenario_of_a_users_own_file_is_played_without_servers(tmp_path):
    file = tmp_path / "quiet.py"
    file.write_text(
        "from simulation.catalogue.common import LIVE, START\n"
        "from simulation.scenario import End, Scenario\n"
        "from simulation.world import World\n"
        "scenario = Scenario(name='quiet', teaches='Nothing.', expected=End.NOTHING,\n"
        "    world=World(3, START, LIVE + 2, 200), live_from_day=LIVE)\n"
    )
    process = start(str(file), "--virtual", "--json", home=tmp_path / "home")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-2000:]
    (scenario,) = json.loads(out)["scenarios"]
    assert (scenario["scenario"], scenario["actual"]) == ("quiet", "nothing happened")
    assert "servers" not in err


def test_a_scenario_whose_own_code_breaks_is_told_and_keeps_no_other_from_its_end(tmp_path):
    for name, column in (("broken", "incom"), ("quiet", "income")):
        (tmp_path / f"{name}.py").write_text(
            "from simulation.catalogue.common import LIVE, START\n"
            "from simulation.feeds import UnitChange\n"
            "from simulation.scenario import End, Scenario\n"
            "from simulation.world import World\n"
            f"scenario = Scenario(name='{name}', teaches='Nothing.', expected=End.NOTHING,\n"
            "    world=World(3, START, LIVE + 2, 200), live_from_day=LIVE,\n"
            f"    faults=(UnitChange('{column}', LIVE + 1, factor=1.0),))\n"
        )
    files = [str(tmp_path / f"{name}.py") for name in ("broken", "quiet")]
    process = start(*files, "--virtual", "--json", home=tmp_path / "home")
    out, err = process.communicate(timeout=240)
    assert process.returncode == Code.UNKNOWN, err[-2000:]
    document = json.loads(out)
    assert [s["scenario"] for s in document["scenarios"]] == ["quiet"]
    assert list(document["errors"]) == files[:1]
    assert "it raised ColumnNotFoundError" in document["errors"][files[0]]


def test_files_where_it_is_started_are_taken_for_no_modules(tmp_path):
    for name in ("email.py", "cli.py", "tasks.py"):
        (tmp_path / name).write_text("raise RuntimeError(__file__)")
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from cli.main import run; run()", "rehearse", "worse-model",
         "--virtual", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_list_tells_what_each_scenario_teaches(tmp_path):
    process = start("--list", "--json", home=tmp_path)
    out, _ = process.communicate(timeout=60)
    listed = json.loads(out)["scenarios"]
    assert [s["scenario"] for s in listed] == [s.name for s in CATALOGUE]
    assert set(listed[0]) == {"scenario", "teaches", "expected"}
    assert not list(tmp_path.iterdir())


def test_an_unknown_part_of_the_kill_matrix_is_refused_with_those_there_are(tmp_path):
    process = start("kill-matrix", "tea", home=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Code.USAGE
    assert "kill-matrix has no part tea: choose from retrain" in " ".join(err.split())
    assert not list(tmp_path.iterdir())
