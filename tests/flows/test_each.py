"""One step of many projects: what one of them does, no other one has to suffer."""

import os
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from prefect.settings import get_current_settings

from flows import each as module
from flows.each import each
from flows.one import _behind, in_turn
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError
from tests.conftest import found

pytestmark = pytest.mark.slow

STUBBORN = """
import time
while True:
    try:
        time.sleep(600)
    except BaseException:
        pass
"""
DEADLY = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def processes(home, prefect_server, monkeypatch):  # noqa: ARG001 - the server must run
    """Processes of their own know the server from their environment."""
    monkeypatch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))
    monkeypatch.setattr(module, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(module, "WORD_SECONDS", 5.0)


@pytest.mark.usefixtures("processes")
def test_projects_that_hang_die_or_do_not_run_keep_no_other_one_waiting(tmp_path):
    towns = [found(tmp_path, name) for name in ("one", "two")]
    hangs, dies, odd = (tmp_path / f"{name}.py" for name in ("hangs", "dies", "odd"))
    hangs.write_text(STUBBORN)
    dies.write_text(DEADLY)
    odd.write_text("project = 3\n")
    state = each(
        "freshness", [str(tmp_path / "*.py")], {t.path: t.data for t in towns},
        seconds=6.0, return_state=True,
    )  # fmt: skip
    assert (state.name, state.is_failed()) == ("SomeBroke", True)
    assert state.message.startswith("1 Failed, 2 Lost, 2 Quiet; the others went on. ")
    assert f"{hangs}: it was ended after 7 seconds" in state.message
    assert f"{dies}: its process died" in state.message
    assert f"`project` in {odd} is a int" in state.message


@pytest.mark.usefixtures("processes")
def test_a_pattern_takes_no_file_for_a_project_that_says_it_is_none(tmp_path):
    town = found(tmp_path, "only")
    for name in ("__init__", "_draft"):
        (tmp_path / f"{name}.py").write_text("")
    state = each(
        "freshness", [str(tmp_path / "*.py")], {town.path: town.data}, return_state=True
    )  # fmt: skip
    assert (state.name, state.is_completed()) == ("Quiet", True)


@pytest.mark.usefixtures("processes")
def test_nothing_to_do_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="names no project"):
        each("tick", [str(tmp_path / "*.py")])


@pytest.mark.usefixtures("home")
def test_what_broke_of_late_comes_last_and_the_rest_in_any_order():
    names = [f"project-{n}" for n in range(20)]
    for name in names[:2]:
        build().ledger.take(_behind("tick", name), "each", 60)
    orders = [in_turn("tick", names) for _ in range(30)]
    assert {frozenset(order[-2:]) for order in orders} == {frozenset(names[:2])}
    assert len({order[0] for order in orders}) > 5


@pytest.mark.usefixtures("processes")
def test_one_project_alone_ends_under_the_name_of_its_own_flow(tmp_path):
    town = found(tmp_path, "alone")
    state = each("freshness", [town.path], {town.path: town.data}, return_state=True)
    assert (state.name, state.is_completed()) == ("Quiet", True)
    assert state.message == "nothing is overdue that was not told before"


@pytest.mark.usefixtures("processes")
def test_data_that_nobody_would_read_is_refused():
    with pytest.raises(ConfigurationError, match="a tick reads no data"):
        each("tick", ["a", "b"], {"a": "a.parquet"})
    with pytest.raises(ConfigurationError, match=r"names \['c'\], which are none of the projects"):
        each("watch", ["a", "b"], {"c": "c.parquet"})


def test_a_call_whose_owner_was_killed_ends_in_its_time_all_the_same(tmp_path):
    """A process that hangs keeps its leases, and it alone would know that nobody ends it."""
    (tmp_path / "stubborn.py").write_text(
        "import os\nfrom pathlib import Path\n"
        "def hang(place):\n"
        "    Path(place).write_text(str(os.getpid()))\n" + textwrap.indent(STUBBORN, "    ")
    )
    owner = (
        "from flows.fan_out import processes\n"
        "if __name__ == '__main__':\n"
        "    with processes(1, []) as pool:\n"
        f"        pool.call('stubborn:hang', {str(tmp_path / 'pid')!r}, seconds=5.0)\n"
    )
    (tmp_path / "owner.py").write_text(owner)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen([sys.executable, tmp_path / "owner.py"], env=env) as process:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.kill()
    hanging = psutil.Process(int((tmp_path / "pid").read_text()))
    wait_for(lambda: not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE)


def wait_for(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)
