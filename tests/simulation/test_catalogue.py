"""The catalogue: each scenario is told in a few lines, has a name of its own, and can be found."""

from datetime import timedelta
from pathlib import Path

import pytest

from simulation.acts import Act, Change, Deed
from simulation.catalogue import CATALOGUE, scenario_of
from simulation.catalogue.common import LIVE, START, TWO_ACTS, live
from simulation.catalogue.core import CORE
from simulation.faults import Garbage
from simulation.scenario import End, Quiet, Scenario, project_file
from simulation.world import World
from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import ConfigurationError
from sixgates.ledger.route import Step

ROOT = Path(__file__).resolve().parents[2]


def scenario(**changes):
    world = World(3, START, 10, 100)
    given = {"name": "a", "teaches": "A.", "expected": End.NOTHING, "world": world}
    return Scenario(**{**given, "live_from_day": 5, **changes})


def test_each_has_a_name_and_a_lesson_of_its_own():
    assert len(CATALOGUE) >= 40
    assert len({s.name for s in CATALOGUE}) == len(CATALOGUE)
    assert len({s.teaches for s in CATALOGUE}) == len(CATALOGUE)
    assert all(s.teaches.endswith(".") and len(s.teaches) <= 100 for s in CATALOGUE)
    assert CATALOGUE[: len(CORE)] == CORE


@pytest.mark.parametrize("scenario", CATALOGUE, ids=lambda s: s.name)
def test_other_processes_can_load_its_project(scenario, tmp_path):
    file = tmp_path / "project.py"
    last = scenario.changed(scenario.world.days)
    for told in (scenario, last):
        file.write_text(project_file(told))
        loaded = load_project(str(file))
        assert (loaded.name, loaded.policies) == (f"loans-{scenario.name}", told.project.policies)
        assert loaded.trainer == told.project.trainer


def test_one_is_found_by_its_name_or_its_file(tmp_path):
    assert scenario_of("no-drift") is CORE[-1]
    file = tmp_path / "mine.py"
    file.write_text("from simulation.catalogue.core import CORE\nscenario = CORE[0]\n")
    assert scenario_of(str(file)) == CORE[0]


def test_the_example_of_the_documentation_is_a_scenario(tmp_path):
    page = (ROOT / "docs/how-to/write-a-scenario.md").read_text()
    file = tmp_path / "flood.py"
    file.write_text(page.split("```python\n")[1].split("```")[0])
    flood = scenario_of(str(file))
    assert (flood.name, flood.expected) == ("flood", End.CONFIRMED)
    assert flood.project.policies.governor.hold == timedelta(days=2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scenario = 3", "defines no `scenario`"),
        ("scenario = 1 / 0", "ZeroDivisionError"),
        ("scenario =", "is not valid Python"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(text, sentence, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        scenario_of(str(file))
    with pytest.raises(ConfigurationError, match=r"other\.py cannot be read"):
        scenario_of(str(tmp_path / "other.py"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "../a"}, "String should match pattern"),
        ({"overrides": {"canery": {"beta": 0.1}}}, "canery"),
        ({"overrides": {"canary": {"betta": 0.1}}}, "betta"),
        ({"changes": (Change(6, {"canery": {"beta": 0.1}}),)}, "canery"),
        ({"faults": (Garbage(10, share=0.5),)}, "from_day=10.* never happens in a"),
        ({"acts": (Act(Deed.STOP, 8, after=2),)}, "after=2.* never happens in a"),
        ({"acts": (Act(Deed.STOP, 4),)}, "never happens in a: its traffic is of the days 5 to 9"),
        ({"changes": (Change(10),)}, "Change.* never happens in a"),
        ({"migration": (4, Garbage(0, share=1.0))}, "Garbage.* never happens in a"),
    ],
)
def test_a_story_that_cannot_come_about_is_refused(changes, sentence):
    with pytest.raises((ConfigurationError, ValueError), match=rf"(?s){sentence}"):
        scenario(**changes)


@pytest.mark.parametrize("teaches", ['He says "stop"', r"C:\new \x", "Two\nlines."])
def test_a_lesson_may_hold_any_text(teaches, tmp_path):
    file = tmp_path / "project.py"
    file.write_text(project_file(scenario(teaches=teaches)))
    assert load_project(str(file)).name == "loans-a"


def test_fewer_requests_come_on_quiet_days_alone():
    quiet = scenario(quiet=(Quiet(6, share=0.25, until_day=8), Quiet(7, share=0.0)))
    rows = quiet.world.rows_of(quiet.frame(), 6)
    assert [quiet.asked(rows, day).height for day in (5, 6, 7, 8)] == [100, 25, 0, 0]
    assert quiet.asked(rows, 6).equals(rows.head(25))


def test_a_migration_changes_all_rows_from_its_day_on():
    moved = scenario(migration=(7, Garbage(from_day=0, share=1.0)))
    frame = moved.frame()
    assert moved.lake(frame, 6).equals(frame)
    assert (moved.lake(frame, 7)["debt_ratio"] == 99).all()


def test_changes_add_to_the_overrides_from_their_day_on():
    changing = scenario(
        overrides={"canary": {"min_periods": 9}},
        changes=(
            Change(6, {"canary": {"min_stage_requests": 7}}),
            Change(8, {"trainer": {"a": 1}}),
        ),
    )
    assert changing.changed(5) == changing
    canary = changing.changed(6).project.policies.canary
    assert (canary.min_periods, canary.min_stage_requests) == (9, 7)
    assert "a" not in changing.changed(7).project.trainer
    assert changing.changed(8).project.trainer["a"] == 1


def test_an_act_has_one_day():
    days = range(20)
    on_day, in_step = Act(Deed.STOP, 7, after=1), Act(Deed.STOP, Step.CANARY, after=2)
    assert [d for d in days if on_day.is_due(d, {})] == [8]
    assert [d for d in days if in_step.is_due(d, {Step.CANARY: 10})] == [13]
    assert not any(in_step.is_due(d, {Step.SHADOW: 10}) for d in days)


def test_a_live_world_begins_as_every_other_does():
    long, short = live(9, *TWO_ACTS).frame(), live(2).frame()
    assert long.head(LIVE * 400).equals(short.head(LIVE * 400))
    assert long["ts"][-1] - long["ts"][0] > timedelta(days=LIVE + 8)
