"""A ledger that older code has made comes to the revision of this code, with all it holds."""
# ruff: noqa: DTZ001 - event time is naive UTC

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.records import Arm
from sixgates.ledger import tables
from sixgates.ledger.database import engine_for
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.migrate import Migrated, migrate
from sixgates.ledger.route import Step, Version
from sixgates.ledger.schema import REVISIONS
from tests.ledger.first_tables import make_first_tables

AT = datetime(2026, 1, 1)

OLD_INTENTS = [
    "INSERT INTO entries (model, kind, release, at, recorded, actor, reason, body) VALUES"
    f" ('tiny', '{kind}', 'r', :at, :at, 'a', 'because', '{body}')".replace(": ", "\\: ")
    for kind, body in (
        ("intent", '{"action": "promote", "given": {}}'),
        ("intent", '{"action": "promote", "given": {}}'),
        ("closed", '{"intent": 1, "outcome": "done", "given": {}}'),
    )
]
"""Two intents of the first tables, of which one was closed."""


@pytest.fixture
def old(url):
    """Return an engine on tables of the first revision, which name no revision."""
    engine = engine_for(url)
    make_first_tables(engine)
    yield engine
    engine.dispose()


def fill(engine):
    """Write two models' rows as the first code did, in an order that only times tell."""
    entry = sa.table("entries", *map(sa.column, ("model", "kind", "release", "actor", "reason")),
                     sa.column("at", sa.DateTime), sa.column("recorded", sa.DateTime),
                     sa.column("body", sa.JSON))  # fmt: skip
    route = sa.table("routes", *map(sa.column, (
        "model", "epoch", "step", "champion", "champion_digest", "beside", "beside_digest", "arm",
        "share", "release", "actor", "reason")),
        sa.column("at", sa.DateTime), sa.column("recorded", sa.DateTime))  # fmt: skip
    with engine.begin() as connection:
        for minute, model in enumerate(["tiny", "other", "tiny", "tiny"]):
            when = AT + timedelta(minutes=2 * minute)
            connection.execute(entry.insert().values(
                model=model, kind="verdict", release="r", at=AT, recorded=when, actor="a",
                reason=f"entry {minute}", body={"n": minute, "share": 0.1, "deep": {"none": None}},
            ))  # fmt: skip
        for epoch in (1, 2):
            beside = {"beside": "2", "beside_digest": "b", "arm": "canary", "share": 0.05}
            nothing = dict.fromkeys(beside)
            connection.execute(route.insert().values(
                model="tiny", epoch=epoch, step="canary", champion="1", champion_digest="a",
                **(beside if epoch > 1 else nothing), release="r", at=AT,
                recorded=AT + timedelta(minutes=3 * epoch, seconds=1), actor="a", reason="moved",
            ))  # fmt: skip


def shape(engine):
    """Everything a database knows of its tables, beyond what SQLAlchemy compares."""
    inspector = sa.inspect(engine)
    if engine.dialect.name == "sqlite":
        triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    else:
        triggers = (
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE NOT tgisinternal ORDER BY tgname"
        )
    with engine.connect() as connection:
        known = [tuple(row) for row in connection.execute(sa.text(triggers))]
    tables = {
        name: (
            [(c["name"], repr(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted((c["name"], *c["column_names"]) for c in inspector.get_unique_constraints(name)),
            sorted((i["name"], *i["column_names"]) for i in inspector.get_indexes(name)),
        )
        for name in sorted(inspector.get_table_names())
    }
    return tables, known


def test_an_old_ledger_is_refused_with_the_command_that_migrates_it(url, old):
    with pytest.raises(ConfigurationError, match=r"revision 0001, .*run `sixgates ledger migrate`"):
        Ledger(url)
    assert sa.inspect(old).get_table_names().count("heads") == 0


def test_an_old_ledger_with_rows_becomes_a_verified_chain(url, old):
    fill(old)
    assert migrate(url) == Migrated("0001", REVISIONS[-1])
    ledger = Ledger(url)
    assert ledger.models() == ["other", "tiny"]
    assert [ledger.verify(model) for model in ledger.models()] == [[], []]
    assert ledger.head("tiny").position == 5
    with ledger._engine.connect() as connection:
        chained = connection.execute(sa.text(
            "SELECT position, reason FROM entries WHERE model = 'tiny' UNION"
            " SELECT position, reason FROM routes WHERE model = 'tiny' ORDER BY 1"
        )).scalars().all()  # fmt: skip
        reasons = connection.execute(sa.text(
            "SELECT reason FROM entries WHERE model = 'tiny' ORDER BY position"
        )).scalars().all()  # fmt: skip
    assert chained == [1, 2, 3, 4, 5]
    assert reasons == ["entry 0", "entry 2", "entry 3"]
    entry = ledger.entries("tiny")[1]
    assert entry.body == {"n": 2, "share": 0.1, "deep": {"none": None}}
    assert (entry.kind, entry.recorded) == (Kind.VERDICT, AT + timedelta(minutes=4))
    first, second = ledger.routes("tiny")
    assert first.beside is None
    assert (second.step, second.beside.version, second.beside.arm, second.beside.share) == (
        Step.CANARY, Version("2", "b"), Arm.CANARY, 0.05,
    )  # fmt: skip
    ledger.append("tiny", Kind.RUN, at=AT, reason="goes on")
    assert ledger.entries("tiny")[-1].seq == 5
    assert ledger.verify("tiny") == []
    ledger.close()


def test_what_was_closed_before_the_migration_stays_closed(url, old):
    with old.begin() as connection:
        for statement in OLD_INTENTS:
            connection.execute(sa.text(statement), {"at": AT})
    migrate(url)
    ledger = Ledger(url)
    (left,) = ledger.unfinished("tiny")
    assert left.seq == 2
    closing = ledger.close_intent(1, at=AT, outcome="done")
    assert closing == 3
    assert ledger.close_intent(2, at=AT, outcome="done") == 4
    assert ledger.verify("tiny") == []
    ledger.close()


def test_a_closing_that_names_no_intent_stops_the_migration(url, old):
    with old.begin() as connection:
        for statement in OLD_INTENTS:
            body = statement.replace('"intent"', '"of"')
            connection.execute(sa.text(body), {"at": AT})
    with pytest.raises(ContractError, match="entries row 3 does not say which intent it closed"):
        migrate(url)


def test_a_migrated_ledger_has_the_tables_of_a_new_one(url, old, request, tmp_path):
    fill(old)
    migrate(url)
    if old.dialect.name == "sqlite":
        fresh_url = f"sqlite:///{tmp_path}/new.db"
    else:
        fresh_url = url.replace("@/ledger", "@/fresh_ledger")
        with old.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {sa.make_url(fresh_url).database}"))
    fresh = Ledger(fresh_url)
    request.addfinalizer(fresh.close)
    assert shape(old) == shape(fresh._engine)
    for engine in (old, fresh._engine):
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": tables.version.name}
            )
            assert compare_metadata(context, tables.metadata) == []


def test_migrating_again_or_a_new_ledger_changes_nothing(url):
    assert migrate(url) == Migrated(REVISIONS[-1], REVISIONS[-1])
    ledger = Ledger(url)
    ledger.append("tiny", Kind.RUN, at=AT, reason="first")
    before = ledger.head("tiny")
    assert migrate(url) == Migrated(REVISIONS[-1], REVISIONS[-1])
    assert ledger.head("tiny") == before
    ledger.close()


def test_a_migration_that_breaks_off_has_changed_nothing(url, old, monkeypatch):
    fill(old)
    before = shape(old)
    monkeypatch.setattr("sixgates.ledger.triggers._REFUSED", {"nowhere": ("UPDATE",)})
    with pytest.raises(Exception, match="nowhere"):
        migrate(url)
    assert shape(old) == before
    monkeypatch.undo()
    assert migrate(url) == Migrated("0001", REVISIONS[-1])


def test_an_old_row_that_cannot_be_read_is_named(url, old):
    if old.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps its types")
    fill(old)
    with old.begin() as connection:
        connection.execute(sa.text("UPDATE entries SET body = 'torn' WHERE seq = 2"))
    with pytest.raises(ContractError, match="entries row 2 cannot be read"):
        migrate(url)


def test_the_code_knows_the_revisions_that_lie_in_the_folder():
    config = Config()
    config.set_main_option("script_location", "sixgates.ledger:migrations")
    script = ScriptDirectory.from_config(config)
    assert tuple(r.revision for r in script.walk_revisions())[::-1] == REVISIONS
