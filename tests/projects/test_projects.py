"""Every file in projects/ keeps its promises, and the real data keeps its contract."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors
from pydantic import ValidationError

from projects.bikes import project as bikes
from projects.electricity import project as electricity
from projects.loans import project as loans
from simulation.catalogue.core import CORE
from sixgates.adapters.project_files import load_project
from sixgates.gates.project import Project

ROOT = Path(__file__).parents[2]
DATA = ROOT / "../shared/data"
FILES = sorted(p for p in (ROOT / "projects").glob("*.py") if p.stem[0] != "_")
REAL = [(electricity, "elec2"), (bikes, "bike_sharing_hourly")]


def real(name: str) -> pl.DataFrame:
    file = DATA / f"{name}.parquet"
    if not file.exists():
        pytest.skip(f"{file} is not there: the real data is not part of the project")
    return pl.read_parquet(file)


def validate(project: Project, df: pl.DataFrame) -> pl.DataFrame:
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        return project.contract.validate(df, lazy=True)


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_project_file_loads_under_its_own_name(file):
    project = load_project(str(file))
    assert project.name == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_column_has_a_role(file):
    project = load_project(str(file))
    roles = project.roles
    single = {roles.event_time, roles.label, roles.entity, roles.label_time} - {None}
    placed = single | {*roles.features, *roles.segments, *roles.ignored}
    assert set(project.contract.columns) == placed


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_a_column_left_without_a_role_is_refused(file):
    project = load_project(str(file))
    entries = project.model_dump(exclude={"contract", "roles"})
    roles = project.roles.model_copy(update={"numeric": project.roles.numeric[1:]})
    with pytest.raises(ValidationError, match="columns without a role"):
        Project(**entries, contract=project.contract, roles=roles)


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_only_the_label_and_what_is_known_with_it_may_be_null(file):
    project = load_project(str(file))
    nullable = {name for name, column in project.contract.columns.items() if column.nullable}
    assert project.roles.label in nullable
    assert not nullable & set(project.roles.features)


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_feature_has_a_rule(file):
    project = load_project(str(file))
    for name in project.roles.features:
        assert project.contract.columns[name].checks, name


@pytest.mark.parametrize(("project", "name"), REAL, ids=lambda v: getattr(v, "name", v))
def test_real_data_keeps_the_contract(project, name):
    df = real(name)
    assert validate(project, df).height == df.height


@pytest.mark.parametrize(("project", "name"), REAL, ids=lambda v: getattr(v, "name", v))
def test_a_label_that_is_not_known_yet_keeps_the_contract(project, name):
    df = real(name).tail(100)
    label = project.roles.label
    assert validate(project, df.with_columns(pl.lit(None, df[label].dtype).alias(label))).height


@pytest.mark.parametrize(
    ("project", "name", "column", "value"),
    [
        (electricity, "elec2", "nswprice", 1.5),
        (electricity, "elec2", "nswprice", float("nan")),
        (electricity, "elec2", "half_hour", 48),
        (bikes, "bike_sharing_hourly", "target_cnt", -1),
        (bikes, "bike_sharing_hourly", "weathersit", 9),
        (bikes, "bike_sharing_hourly", "temp", None),
    ],
)
def test_an_impossible_value_breaks_the_contract(project, name, column, value):
    df = real(name).tail(100)
    spoilt = df.with_columns(pl.lit(value, df[column].dtype).alias(column))
    with pytest.raises(SchemaErrors):
        validate(project, spoilt)


def test_the_bikes_leaks_are_what_they_are_said_to_be():
    df = real("bike_sharing_hourly")
    assert df["target_cnt"].equals(df["casual"] + df["registered"], check_names=False)
    assert {"casual", "registered", "yr"} <= set(bikes.roles.ignored)


@pytest.mark.parametrize("scenario", CORE, ids=lambda s: s.name)
def test_simulated_loans_keep_the_contract(scenario):
    frame = scenario.frame()
    assert frame.columns == list(loans.contract.columns)
    assert validate(loans, frame).height == frame.height
    assert np.isfinite(frame.select(loans.roles.numeric).to_numpy()).all()
