"""The connection of a query: variables are filled in, and no secret gets into a sentence."""

import pytest

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.lake.sql_address import resolve
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.source import SqlSource

TRICKY = "PLANTED@:/#%?${X}"


@pytest.fixture(autouse=True)
def _variables(monkeypatch):
    monkeypatch.setenv("PASSWORD", TRICKY)
    monkeypatch.setenv("READER", "ann")
    monkeypatch.setenv("WAREHOUSE", "postgresql://ann:PLANTED@db:5/rides?sslpassword=PLANTED2")
    monkeypatch.delenv("MISSING", raising=False)


def test_each_part_is_filled_in_by_itself():
    where = resolve("postgresql://${READER}:${PASSWORD}@h:5432/db?options=${PASSWORD}",
                    by_command=True)  # fmt: skip
    assert (where.url.username, where.url.password, where.url.port) == ("ann", TRICKY, 5432)
    assert where.url.query["options"] == TRICKY
    assert where.shown == "postgresql+psycopg://ann:***@h:5432/db"
    assert where.secrets == (TRICKY,)


def test_a_variable_may_hold_the_whole_url():
    where = resolve("${WAREHOUSE}", by_command=True)
    assert (where.url.password, where.url.host) == ("PLANTED", "db")
    assert where.shown == "postgresql+psycopg://ann:***@db:5/rides"
    assert where.secrets == ("PLANTED2", "PLANTED")


def test_what_is_harmless_is_shown():
    where = resolve("postgresql://ann@/db?host=/run/pg&sslmode=require", by_command=True)
    assert where.shown == "postgresql+psycopg://ann@/db?host=%2Frun%2Fpg&sslmode=require"
    assert where.secrets == ()


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ("postgresql://ann:${MISSING}@h/db", "needs the environment variable MISSING: set it"),
        ("${MISSING}", "needs the environment variable MISSING: set it"),
        ("postgresql://ann:PLANTED@h:port/db", "is no SQLAlchemy URL"),
        ("PLANTED", "is no SQLAlchemy URL"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_and_not_quoted(connection, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        resolve(connection, by_command=False)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://ann:PLANTED@h/db", "the password"),
        ("postgresql://ann:${READER}PLANTED@h/db", "the password"),
        ("postgresql://ann@h/db?password=PLANTED", "the parameter password"),
    ],
)
def test_a_secret_may_stand_in_the_project_file_but_not_on_the_command_line(project, url, part):
    resolve(url, by_command=False)
    with pytest.raises(ConfigurationError, match=f"{part} stands in the address") as caught:
        ProjectLake(project, f"{url}#SELECT 1").check()
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql+pymysql://u:PLANTED@h/db", "run `pip install pymysql`"),
        ("oops://u:PLANTED@h/db", "SQLAlchemy knows no database 'oops'"),
    ],
)
def test_a_driver_that_is_not_there_is_named(project, url, said):
    source = SqlSource(connection=url, query="SELECT 1")
    with pytest.raises(ConfigurationError, match=said) as caught:
        ProjectLake(project.model_copy(update={"source": source})).check()
    assert "PLANTED" not in str(caught.value)


def test_a_source_never_shows_its_connection(project):
    source = SqlSource(connection="postgresql://u:PLANTED@h/db", query="SELECT 1")
    told = project.model_copy(update={"source": source})
    plain = project.model_copy(update={"source": "postgresql://u:PLANTED@h/db#SELECT 1"})
    said = [repr(source), str(source), source.model_dump_json(), repr(told), str(told), repr(plain)]
    assert not any("PLANTED" in text for text in said)


def test_a_path_with_a_sign_in_it_is_a_path():
    assert SqlSource.parse("rides/2026#1.parquet") is None
    assert SqlSource.parse("sqlite:///r.db#") is None
