from pathlib import Path

import pytest

from sixgates.adapters.project_files import load_project, project_names
from sixgates.gates.errors import ConfigurationError

GOOD = """
from datetime import timedelta
import pandera.polars as pa
import polars as pl
from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles

project = Project(
    name="bike-rides",
    task=Task.REGRESSION,
    contract=pa.DataFrameSchema(
        {"at": pa.Column(pl.Datetime), "x": pa.Column(float), "y": pa.Column(float)}
    ),
    roles=Roles(event_time="at", label="y", label_horizon=timedelta(days=1), numeric=("x",)),
    loss=LossName.ABSOLUTE_ERROR,
    clip=9.0,
    policies=Policies.with_margin(0.1),
)
"""


@pytest.fixture
def write():
    def write(text, path="projects/bike_rides.py"):
        file = Path(path)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    return write


def refusal(name):
    with pytest.raises(ConfigurationError) as caught:
        load_project(name)
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def test_a_project_is_found_by_name_by_dashes_and_by_path(write):
    path = write(GOOD)
    names = {
        load_project(n).name for n in ("bike-rides", "bike_rides", path, str(Path(path).absolute()))
    }
    assert names == {"bike-rides"}


def test_a_file_beside_its_data_is_found_by_the_name_that_messages_give(write):
    write(GOOD, "bike_rides.py")
    assert load_project("bike-rides").clip == 9.0
    write(GOOD.replace("clip=9.0", "clip=8.0"))
    assert load_project("bike-rides").clip == 8.0  # that of projects/ goes before it


def test_a_changed_file_is_read_again(write):
    path = write(GOOD)
    load_project(path)
    write(GOOD.replace("clip=9.0", "clip=8.0"))
    assert load_project(path).clip == 8.0


def test_postponed_annotations_and_dataclasses_work(write):
    path = write(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Helper:\n    a: int\n" + GOOD
    )
    assert load_project(path).name == "bike-rides"


def test_a_missing_name_lists_what_exists(write):
    write(GOOD)
    assert "bike-rides" in project_names()
    assert "bike-rides" in refusal("bike-ride")


def test_a_missing_path_is_named():
    assert "nowhere/x.py" in refusal("nowhere/x.py")


def test_a_syntax_error_names_file_and_line(write):
    assert "broken.py:2 is not valid Python" in refusal(write("a = 1\nb = = 2\n", "broken.py"))


@pytest.mark.parametrize("text", [b"a = '\xff'\n", b"a = 1\0\n", "pröject".encode("utf-16")])
def test_bytes_that_are_no_text_are_refused(write, text):
    assert "broken.py" in refusal(write(text, "broken.py"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nimport does_not_exist_anywhere\n", "broken.py:2 raised ModuleNotFoundError"),
        ("def f():\n    return 1 / 0\nf()\n", "broken.py:2 raised ZeroDivisionError"),
        ("raise SystemExit('enough')\n", "broken.py:1 raised SystemExit: enough"),
        ("raise ValueError('one\\ntwo')\n", "raised ValueError: one two"),
    ],
)
def test_what_the_file_raises_is_said_with_its_line(write, text, said):
    assert said in refusal(write(text, "broken.py"))


def test_a_file_without_project_is_refused(write):
    assert "defines no `project`" in refusal(write("a = 1\n", "empty.py"))


def test_another_kind_of_project_is_refused(write):
    assert "is a dict and not a Project" in refusal(write("project = {}\n", "other.py"))


def test_a_contradiction_is_one_sentence_with_its_line(write):
    message = refusal(write(GOOD.replace("clip=9.0,", ""), "unclipped.py"))
    assert "unclipped.py:9" in message
    assert "set clip" in message
    assert "Value error" not in message


def test_many_problems_are_cut_short(write):
    extra = "".join(f"    nonsense{i}=1,\n" for i in range(5))
    message = refusal(write(GOOD.replace("    clip=9.0,\n", extra), "many.py"))
    assert "nonsense0: Extra inputs are not permitted" in message
    assert message.endswith("and 2 more")
