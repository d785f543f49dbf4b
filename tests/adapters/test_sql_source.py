# ruff: noqa: DTZ001 - event time is naive UTC
"""A query as the project's data, on SQLite and on PostgreSQL: its rows, types, cut and refusals."""

import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pandera.polars as pa
import polars as pl
import pytest
import sqlalchemy as sa

from sixgates.adapters.lake import sql_connection, sql_rows
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.source import SqlSource

ALL = datetime.max  # noqa: DTZ901 - naive UTC
RIDES = "SELECT * FROM rides"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("new_postgres_url")
    sqlite3.connect(tmp_path / "rows.db").close()
    return f"sqlite:///{tmp_path}/rows.db"


@pytest.fixture
def run(url):
    """Run statements of this test on the database."""

    def run(*statements):
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
        engine.dispose()

    return run


@pytest.fixture
def rides(url, rows):
    """Store frames as the table `rides`, and return the address of a query on it."""

    def rides(frame=rows, query=RIDES):
        engine = sa.create_engine(url)
        names = {pl.Int64: sa.BigInteger, pl.Float64: sa.Float, pl.String: sa.Text}
        columns = [
            sa.Column(name, sa.DateTime(timezone=bool(kind.time_zone))
                      if isinstance(kind, pl.Datetime) else names[kind]())
            for name, kind in frame.schema.items()
        ]  # fmt: skip
        table = sa.Table("rides", sa.MetaData(), *columns)
        table.create(engine)
        with engine.begin() as connection:
            if frame.height:
                connection.execute(table.insert(), frame.to_dicts())
        engine.dispose()
        return source(query)

    def source(query):
        return SqlSource(connection=url, query=query)

    rides.source = source
    return rides


@pytest.fixture
def lake(project):
    def lake(source, **changes):
        return ProjectLake(project.model_copy(update={"source": source, **changes}))

    return lake


def refusal(lake, error=ConfigurationError):
    with pytest.raises(error) as caught:
        lake.check()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def contracted(project, **columns):
    contract = pa.DataFrameSchema({**project.contract.columns, **columns})
    roles = project.roles.model_copy(update={"ignored": tuple(columns)})
    return {"contract": contract, "roles": roles}


def test_the_rows_of_a_query_are_those_of_the_table(lake, rides, rows):
    seen = lake(rides())
    seen.check()
    assert seen.as_of(ALL).collect().equals(rows)


def test_rows_are_read_in_batches_and_none_is_lost(lake, rides, rows, monkeypatch):
    monkeypatch.setattr(sql_rows, "BATCH_ROWS", 7)
    source = rides()
    sizes = []
    together = sql_rows.together

    def look(batches, *given):
        return together((sizes.append(batch.height) or batch for batch in batches), *given)

    monkeypatch.setattr("sixgates.adapters.lake.sql_source.together", look)
    assert lake(source).as_of(ALL).collect().equals(rows)
    assert max(sizes) == 7
    assert len(sizes) == 86


def test_what_is_read_since_a_moment_is_what_is_left_of_all(lake, rides, rows):
    torn = rows.with_columns(pl.when(pl.int_range(pl.len()) != 5).then("at").alias("at"))
    seen = lake(rides(torn))
    for since, now in [(rows["at"][99], rows["at"][199]), (None, rows["at"][299])]:
        inside = pl.col("at") <= now if since is None else pl.col("at").is_between(
            since, now, closed="right"
        )  # fmt: skip
        expected = seen.as_of(now).collect().filter(inside | pl.col("at").is_null())
        assert seen.as_of(now, since).collect().equals(expected)
        assert expected.height == (101 if since else 300)


def test_what_is_too_old_stays_in_the_database(lake, rides):
    rides()
    wrong = "CASE WHEN at < '2026-01-03' THEN 'broken' ELSE 'fine' END AS state"
    seen = lake(rides.source(f"SELECT *, {wrong} FROM rides"))
    read = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql_rows, "_as_contracted", lambda column, _: read.append(column) or column)
        seen.as_of(ALL, datetime(2026, 1, 4, 1))
    states = [value for column in read if column.name == "state" for value in column]
    assert set(states) == {"fine"}
    assert "broken" in set(seen.as_of(ALL).collect()["state"])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_times_with_a_zone_become_naive_utc(lake, run, rides, rows, url, zone):
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no times with a zone: see the texts below")
    zoned = rows.with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    source = rides(zoned)
    name = url.split("/")[3].split("?")[0]
    run(f"ALTER DATABASE {name} SET timezone TO '{zone}'")
    assert lake(source).as_of(ALL).collect().equals(rows)
    now, since = rows["at"][199], rows["at"][99]
    assert lake(source).as_of(now, since).collect()["at"].equals(rows["at"][100:200])


FORMS = [
    "2026-01-04 10:00:00", "2026-01-04T10:00", "2026-01-04T10:00:00.000000Z",
    "2026-01-05T00:00:00+14:00", "2026-01-03 20:00:00-14:00", "20260104T100000",
]  # fmt: skip
"""One moment, as text may write it."""


@pytest.mark.parametrize("form", FORMS)
def test_times_that_are_text_are_cut_in_whatever_form(lake, run, rides, form):
    moment = datetime(2026, 1, 4, 10)
    run(
        'CREATE TABLE texts (at TEXT, "left" INTEGER)',
        f"INSERT INTO texts VALUES ('{form}', 1), ('2025-12-01', 0), ('2026-03-01T00:00Z', 0),"
        " (NULL, 1)",
    )
    seen = lake(rides.source("SELECT * FROM texts ORDER BY at DESC"))
    for since, now, found in [
        (None, moment, [datetime(2025, 12, 1), moment]),
        (None, moment - timedelta(microseconds=1), [datetime(2025, 12, 1)]),
        (moment - timedelta(microseconds=1), moment, [moment]),
        (moment, moment + timedelta(days=1), []),
        (datetime(2025, 1, 1), ALL, [datetime(2025, 12, 1), moment, datetime(2026, 3, 1)]),
        (datetime.min, ALL, [datetime(2025, 12, 1), moment, datetime(2026, 3, 1)]),  # noqa: DTZ901
    ]:
        times = seen.as_of(now, since).collect()["at"]
        assert times.drop_nulls().to_list() == found
        assert times.null_count() == 1
        assert times.dtype == pl.Datetime("us")


def test_text_that_is_no_time_is_refused_and_not_left_out(lake, run, rides):
    run(
        'CREATE TABLE texts (at TEXT, "left" INTEGER)',
        "INSERT INTO texts VALUES ('2026-01-04 10:00:00', 1), ('4.1.2026', 0)",
    )
    seen = lake(rides.source("SELECT * FROM texts"))
    with pytest.raises(ConfigurationError, match=r"column 'at' holds text .*'4\.1\.2026'"):
        seen.as_of(datetime(2026, 1, 5), datetime(2026, 1, 4))


def test_columns_come_in_the_types_of_the_contract_where_nothing_is_lost(project, lake, rides, url):
    pg = not url.startswith("sqlite")
    query = (
        "SELECT CAST('2026-01-01 10:00' AS {time}) AS at, 'c' AS customer, CAST(4.5 AS {dec}) AS"
        " age, 3 AS visits, 'north' AS region, 1 AS \"left\", 7 AS small, 300 AS large,"
        " CAST(0.1 AS {double}) AS narrow, '2026-01-02' AS day, '5' AS text, NULL AS empty,"
        " {truth} AS truth"
    ).format(
        time="TIMESTAMP" if pg else "TEXT", dec="NUMERIC(9,3)" if pg else "REAL",
        double="FLOAT8" if pg else "REAL", truth="true" if pg else "1",
    )  # fmt: skip
    changes = contracted(
        project, small=pa.Column(pl.Int8), large=pa.Column(pl.Int8), narrow=pa.Column(pl.Float32),
        day=pa.Column(pl.Date), text=pa.Column(pl.Int64), empty=pa.Column(pl.Float64),
        truth=pa.Column(pl.Boolean),
    )  # fmt: skip
    seen = lake(rides.source(query), **changes).as_of(ALL).collect()
    kinds = dict(seen.schema)
    assert kinds["age"] == kinds["empty"] == pl.Float64
    assert (kinds["small"], kinds["truth"], kinds["day"]) == (pl.Int8, pl.Boolean, pl.Date)
    # Gate 1 refuses the others by name.
    assert [kinds[n] for n in ("large", "text", "narrow")] == [pl.Int64, pl.String, pl.Float64]
    assert seen["age"][0] == 4.5


def test_what_has_no_type_here_is_text(lake, rides, url):
    if url.startswith("sqlite"):
        pytest.skip("SQLite knows neither identifiers nor documents")
    one = UUID(int=7)
    query = (
        f"SELECT TIMESTAMP '2026-01-01' AS at, 1 AS \"left\", '{one}'::uuid AS customer,"
        " '{\"a\": [1]}'::jsonb AS doc, ARRAY[1, 2] AS list, 1.50::numeric AS money"
    )
    (row,) = lake(rides.source(query)).as_of(ALL).collect().to_dicts()
    assert row["customer"] == str(one)
    assert (row["doc"], row["list"], row["money"]) == ('{"a": [1]}', "[1, 2]", Decimal("1.5"))


def test_a_column_of_two_types_is_refused_by_name(lake, run, rides, url, monkeypatch):
    if not url.startswith("sqlite"):
        pytest.skip("a column of PostgreSQL has one type")
    monkeypatch.setattr(sql_rows, "BATCH_ROWS", 1)
    run(
        'CREATE TABLE odd (at TEXT, "left" INTEGER, x)',
        "INSERT INTO odd VALUES ('2026-01-01', 1, 1), ('2026-01-02', 1, 'one')",
    )
    with pytest.raises(ConfigurationError, match=r"column 'x' of .* is Int64 and String in diff"):
        lake(rides.source("SELECT * FROM odd")).as_of(ALL)


@pytest.mark.parametrize(
    "query",
    [
        f"{RIDES};",
        f"  {RIDES} -- all of them",
        "WITH r AS (SELECT * FROM rides) SELECT * FROM r ORDER BY at",
        "SELECT * FROM rides WHERE customer NOT LIKE '%:x%' AND '12:30' <> ':at'",
    ],
)
def test_any_select_may_be_asked(lake, rides, rows, query):
    seen = lake(rides(query=query))
    seen.check()
    assert seen.as_of(ALL).collect().equals(rows)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELEC * FROM rides", "syntax error"),
        ("DELETE FROM rides", "syntax error"),
        ("SELECT 1 AS x, * FROM rides; DROP TABLE rides", "syntax error"),
    ],
)
def test_a_wrong_query_is_refused_and_changes_nothing(lake, rides, rows, query, said):
    rides()
    message = refusal(lake(rides.source(query)))
    assert message.startswith(f"the query `{query}` on ")
    assert "was refused (" in message
    assert said in message
    assert lake(rides.source(RIDES)).as_of(ALL).collect().height == rows.height


def test_a_query_cannot_write_by_a_function(lake, run, rides, rows, url):
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no functions that write")
    rides()
    run("CREATE FUNCTION wipe() RETURNS int AS 'DELETE FROM rides; SELECT 1' LANGUAGE sql")
    message = refusal(lake(rides.source("SELECT wipe() AS x, * FROM rides")))
    assert "read-only transaction" in message
    assert lake(rides.source(RIDES)).as_of(ALL).collect().height == rows.height


def test_a_table_that_may_not_be_read_is_refused(project, run, rides, url):
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no users")
    rides()
    run("DROP ROLE IF EXISTS eve", "CREATE ROLE eve LOGIN")
    source = SqlSource(connection=url.replace("postgres@", "eve@"), query=RIDES)
    message = refusal(ProjectLake(project.model_copy(update={"source": source})))
    assert "was refused (permission denied for table rides)" in message


@pytest.mark.parametrize(("column", "role"), [("at", "event_time"), ("left", "label")])
def test_a_missing_time_or_label_is_refused(lake, rides, rows, column, role):
    message = refusal(lake(rides(rows.drop(column))))
    assert f"has no column {column!r}, the {role} of project churn" in message


def test_an_event_time_of_another_type_is_refused(lake, rides, rows):
    seen = lake(rides(rows.with_columns(at=pl.int_range(pl.len()))))
    assert "column 'at' of the query" in refusal(seen)
    with pytest.raises(ConfigurationError, match="is Int64 and not a datetime"):
        seen.as_of(ALL, datetime(2026, 1, 2))


def test_no_rows_and_no_times_are_refused(lake, rides, rows, run):
    seen = lake(rides(rows[:0]))
    assert "holds no rows" in refusal(seen)
    assert seen.as_of(ALL).collect().is_empty()
    run("INSERT INTO rides (customer) VALUES ('c')")
    assert "column 'at' of the query" in refusal(seen)
    assert seen.as_of(ALL).collect()["customer"].to_list() == ["c"]


def test_an_empty_stretch_has_the_types_of_the_contract(lake, rides):
    seen = lake(rides()).as_of(ALL, datetime(2030, 1, 1)).collect()
    assert seen.is_empty()
    assert (seen.schema["at"], seen.schema["age"]) == (pl.Datetime("us"), pl.Float64)


def test_a_query_on_the_command_line(project, rides, rows, url, monkeypatch):
    rides()
    monkeypatch.setenv("WAREHOUSE", url)
    seen = ProjectLake(project, f"${{WAREHOUSE}}#{RIDES}")
    assert seen.as_of(ALL).collect().equals(rows)


def test_the_record_has_the_whole_query_and_a_sentence_its_beginning(lake, rides):
    where = " AND ".join(["customer <> 'nobody'"] * 10)
    query = f"{RIDES}\n WHERE {where}"
    seen = lake(rides(query=query))
    assert seen.pin().endswith(f"#{RIDES} WHERE {where}")
    assert len(seen.describe()) < 250
    assert "…`" in seen.describe()


def test_a_database_that_is_away_may_be_asked_again(project):
    away = SqlSource(connection="postgresql://u:PLANTED@127.0.0.1:1/db", query="SELECT 1 AS at")
    message = refusal(ProjectLake(project.model_copy(update={"source": away})), TransientError)
    assert "on postgresql+psycopg://u:***@127.0.0.1:1/db got no answer" in message
    assert "PLANTED" not in message


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i)"
    " FROM n",
    "postgresql": "SELECT COUNT(pg_sleep(60))",
}


@pytest.mark.parametrize("late", [False, True])
def test_a_query_that_never_ends_is_given_up_and_may_be_asked_again(
    lake, rides, url, monkeypatch, late
):
    rides()
    endless = ENDLESS[url.partition("+")[0].partition(":")[0]]
    # The first row comes at once where the endless one is among the others.
    seen = lake(rides.source(f"{RIDES} WHERE {'visits > 0 OR' if late else ''} ({endless}) > 0"))
    monkeypatch.setattr(sql_connection, "ANSWER_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(TransientError, match="got no answer"):
        seen.as_of(ALL)
    assert time.monotonic() - began < 5
    for thread in threading.enumerate():
        if thread.name == "database":
            thread.join(5)
            assert not thread.is_alive()


def test_a_limit_of_the_users_own_goes_before(lake, rides, run, url, monkeypatch):
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no limits of its own")
    monkeypatch.setattr(sql_connection, "ANSWER_SECONDS", 30.0)
    name = url.split("/")[3].split("?")[0]
    run(f"ALTER DATABASE {name} SET statement_timeout TO '200ms'")
    rides()
    seen = lake(rides.source(f"{RIDES} WHERE ({ENDLESS['postgresql']}) > 0"))
    with pytest.raises(TransientError, match=r"got no answer .*statement timeout"):
        seen.as_of(ALL)


def test_a_database_that_is_locked_may_be_asked_again(project, tmp_path):
    path = tmp_path / "rows.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rides (at TEXT)")
        connection.commit()
        connection.execute("BEGIN EXCLUSIVE")
        seen = ProjectLake(project, f"sqlite:///{path}?timeout=${{TIMEOUT}}#{RIDES}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TIMEOUT", "0")
            assert "got no answer (database is locked)" in refusal(seen, TransientError)


def test_a_missing_database_is_refused_and_not_made(project, tmp_path):
    message = refusal(ProjectLake(project, f"sqlite:///{tmp_path}/gone.db#{RIDES}"))
    assert f"there is no database at {tmp_path}/gone.db" in message
    assert not (tmp_path / "gone.db").exists()


def test_a_file_that_is_no_database_is_refused(project, tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database, but long enough to be read" * 50)
    message = refusal(ProjectLake(project, f"sqlite:///{tmp_path}/x.db#{RIDES}"))
    assert "was refused (file is not a database)" in message


def test_a_moment_with_a_zone_is_bound_as_such(rows, lake, rides, url):
    """A session in another zone must not move the cut."""
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no sessions with a zone")
    rides(rows)
    source = rides.source("SELECT *, at AT TIME ZONE 'UTC' AS zoned FROM rides")
    assert lake(source).as_of(ALL).collect()["zoned"][0] == datetime(2026, 1, 1, tzinfo=UTC)
