"""The tables of the first ledgers, as they lie on disks; they name no revision."""

import sqlalchemy as sa

OLD = """
CREATE TABLE entries (seq {serial} PRIMARY KEY, model VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    release VARCHAR NOT NULL, at {time} NOT NULL, recorded {time} NOT NULL,
    actor VARCHAR NOT NULL, reason VARCHAR NOT NULL, body JSON NOT NULL);
CREATE INDEX ix_entries_model ON entries (model);
CREATE TABLE routes (seq {serial} PRIMARY KEY, model VARCHAR NOT NULL, epoch INTEGER NOT NULL,
    step VARCHAR NOT NULL, champion VARCHAR NOT NULL, champion_digest VARCHAR NOT NULL,
    beside VARCHAR, beside_digest VARCHAR, arm VARCHAR, share FLOAT, release VARCHAR NOT NULL,
    at {time} NOT NULL, recorded {time} NOT NULL, actor VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    CONSTRAINT one_route_an_epoch UNIQUE (model, epoch));
CREATE TABLE gateways (url VARCHAR PRIMARY KEY{null}, model VARCHAR NOT NULL, seen {time} NOT NULL);
CREATE INDEX ix_gateways_model ON gateways (model)
"""


def make_first_tables(engine):
    """Make them in an empty database."""
    postgres = engine.dialect.name == "postgresql"
    types = {
        "serial": "SERIAL" if postgres else "INTEGER NOT NULL",
        "time": "TIMESTAMP" if postgres else "DATETIME",
        "null": "" if postgres else " NOT NULL",
    }
    with engine.begin() as connection:
        for statement in OLD.format(**types).split(";"):
            connection.execute(sa.text(statement))
