"""A ledger is opened: new, by several at once, old, newer, or not a ledger at all."""
# ruff: noqa: DTZ001 - event time is naive UTC

import os
import subprocess
import sys
import time
from datetime import datetime

import pytest
import sqlalchemy as sa

from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger import database, postgres
from sixgates.ledger import ledger as module
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.migrate import migrate
from sixgates.ledger.route import Beside, Route, Step, Version

AT = datetime(2026, 1, 1)
ROUTE = Route(
    "tiny", 1, Step.SHADOW, Version("1", "a" * 64), Beside(Version("2", "b" * 64), Arm.CANARY, 0.0),
    "r0", AT, "somebody", "first",
)  # fmt: skip
ROOT = os.fspath(module.__file__.rsplit("/sixgates/", 1)[0])

OPEN = """
import sys, time
from datetime import datetime
from sixgates.ledger.ledger import Kind, Ledger
url, name, start = sys.argv[1:]
while time.time() < float(start):
    time.sleep(0.0005)
ledger = Ledger(url)
ledger.append("tiny", Kind.RUN, at=datetime(2026, 1, 1), reason=name)
assert "alembic" not in sys.modules, "a new ledger must not wait for alembic's import"
"""


def test_processes_may_open_one_new_ledger_at_the_same_moment(url):
    start = str(time.time() + 2.5)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url, str(i), start],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ROOT},
            text=True,
        )
        for i in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    ledger = Ledger(url)
    assert sorted(entry.reason for entry in ledger.entries("tiny")) == list("0123")
    assert ledger.verify("tiny") == []
    ledger.close()


def test_a_ledger_that_another_process_makes_meanwhile_is_not_taken_for_an_old_one(
    url, monkeypatch
):
    look = sa.engine.Inspector.has_table

    def looked_slowly(self, name, **kwargs):
        found = look(self, name, **kwargs)
        monkeypatch.undo()
        Ledger(url).close()
        return found

    monkeypatch.setattr(sa.engine.Inspector, "has_table", looked_slowly)
    Ledger(url).close()


def test_a_ledger_of_newer_code_is_refused(url, ledger):
    with ledger._engine.begin() as connection:
        connection.execute(sa.text("UPDATE ledger_version SET version_num = '9999'"))
    for opening in (Ledger, migrate):
        with pytest.raises(ConfigurationError, match="has revision 9999, and this code is older"):
            opening(url)


def test_a_writer_that_does_not_end_is_waited_for_and_then_named(url, ledger, monkeypatch):
    ledger.append("tiny", Kind.RUN, at=AT, reason="first")
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    impatient = Ledger(url)
    with database.writing(ledger._engine) as connection:
        module.append_entry(
            connection, "tiny", Kind.RUN, at=AT, reason="slow", release="", actor="a", body={}
        )
        with pytest.raises(TransientError, match=r"did not answer: .*(locked|lock timeout)"):
            impatient.append("tiny", Kind.RUN, at=AT, reason="second")
    impatient.close()
    assert [entry.reason for entry in ledger.entries("tiny")] == ["first", "slow"]
    assert ledger.verify("tiny") == []


def stand_still(ledger, other):
    """Begin a write, and end it when another one has come to its turn."""
    with database.writing(ledger._engine) as connection:
        module.append_entry(
            connection, "tiny", Kind.RUN, at=AT, reason="slow", release="", actor="a", body={}
        )
        other.append("tiny", Kind.RUN, at=AT, reason="second")


def test_a_writer_that_stands_still_amid_a_write_keeps_the_others_no_longer_than_its_time(
    new_postgres_url, monkeypatch
):
    monkeypatch.setattr(postgres, "IDLE_SECONDS", 1.0)
    still, other = Ledger(new_postgres_url), Ledger(new_postgres_url)
    other.append("tiny", Kind.RUN, at=AT, reason="first")
    with pytest.raises(TransientError, match="did not answer"):
        stand_still(still, other)
    assert [entry.reason for entry in still.entries("tiny")] == ["first", "second"]
    assert still.verify("tiny") == []
    lines = other.export("tiny")
    next(lines)
    time.sleep(1.5)  # a reader who takes his time is in nobody's way
    assert len(list(lines)) == 1
    still.close()
    other.close()


def test_a_database_that_was_made_without_an_encoding_keeps_every_letter(
    postgres, new_postgres_url
):
    with sa.create_engine(new_postgres_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    ledger = Ledger(postgres.url("ascii"))
    ledger.append("tiny", Kind.RUN, at=AT, reason="größer ≤ 日本 🙂")
    assert ledger.entries("tiny")[0].reason == "größer ≤ 日本 🙂"
    assert ledger.verify("tiny") == []
    ledger.close()


def test_an_address_of_postgresql_needs_no_name_of_a_driver(new_postgres_url):
    ledger = Ledger(new_postgres_url.replace("postgresql+psycopg:", "postgresql:"))
    assert ledger.models() == []
    ledger.close()


def test_a_postgresql_that_is_not_there_is_one_sentence(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg, the extra `postgres`, is not there")
    with pytest.raises(TransientError, match=r"the ledger postgresql.*:\*\*\*@.* did not answer"):
        Ledger(f"postgresql://me:secret@/ledger?host={tmp_path}")


def test_a_password_among_the_parameters_of_an_address_is_not_shown_either(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg, the extra `postgres`, is not there")
    with pytest.raises(TransientError, match="did not answer") as found:
        Ledger(f"postgresql://me@/ledger?host={tmp_path}&password=hush&connect_timeout=2")
    assert "hush" not in str(found.value)


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sixgates\[postgres\]'"):
        Ledger("postgresql://localhost/ledger")


def test_a_file_that_is_no_ledger_is_one_sentence(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 1_000)
    with pytest.raises(TransientError, match=r"the ledger sqlite:///.*ledger.db did not answer"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_a_file_that_breaks_later_is_one_sentence_too(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.append_route(ROUTE)
    ledger.close()
    for file in tmp_path.glob("ledger.db*"):
        file.write_bytes(b"broken" * 10_000)
    for call in (
        lambda: ledger.route("tiny"),
        lambda: ledger.entries("tiny"),
        lambda: ledger.append_route(ROUTE),
        lambda: ledger.append("tiny", Kind.RUN, at=AT, reason="x"),
        lambda: ledger.intend("tiny", "promote", at=AT),
        lambda: ledger.close_intent(1, at=AT, outcome="done"),
        lambda: ledger.unfinished("tiny"),
        lambda: ledger.verify("tiny"),
        lambda: list(ledger.export("tiny")),
        lambda: ledger.gateways("tiny"),
        lambda: ledger.announce("tiny", "http://a"),
        lambda: ledger.withdraw("http://a"),
    ):
        with pytest.raises(TransientError, match="did not answer: file is not a database"):
            call()


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(TransientError, match="did not answer: unable to open database file"):
        Ledger(f"sqlite:///{tmp_path}/nowhere/ledger.db")
