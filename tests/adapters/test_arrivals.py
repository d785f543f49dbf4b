"""What came in last, of a lake and of a log on disk."""

import sqlite3
from datetime import datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from projects.loans import project as loans
from sixgates.adapters import delta_log
from sixgates.adapters.arrivals import newest_row, unlabelled
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.maturity import seconds
from sixgates.gates.notices import Unlabelled
from tests.adapters.a_log import MODEL, ALog, label, prediction

NOW = datetime(2026, 1, 20)  # noqa: DTZ001 - event time is naive UTC
DAY = timedelta(days=1)
PROJECT = loans.model_copy(update={"name": MODEL})


@pytest.fixture
def log(tmp_path):
    return ALog(tmp_path)


def predicted(log, *moments):
    lines = [prediction(f"p{n}", seconds(at)) for n, at in enumerate(moments)]
    log.write("predictions-100-1", *lines)


def labelled(log, *moments):
    log.write("labels-100-1", *(label(f"p{n}", at=seconds(at)) for n, at in enumerate(moments)))


def seen(log, project=PROJECT, data=None):
    return unlabelled(SimpleNamespace(log=log.log), project, data, NOW)


def test_a_log_without_predictions_waits_for_nothing(log):
    assert seen(log) == Unlabelled(MODEL, None, None, timedelta(0))


def test_every_prediction_waits_while_no_label_came(log):
    predicted(log, NOW - 3 * DAY, NOW - 9 * DAY)
    assert seen(log) == Unlabelled(MODEL, None, NOW - 9 * DAY, 2 * DAY)


def test_those_after_the_newest_label_wait_in_segments_as_in_tables(log):
    predicted(log, NOW - 9 * DAY, NOW - 7 * DAY, NOW - 6 * DAY, NOW - DAY)
    labelled(log, NOW - 7 * DAY)
    expected = Unlabelled(MODEL, NOW - 7 * DAY, NOW - 6 * DAY, 2 * DAY)
    assert seen(log) == expected
    log.compact()
    assert seen(log) == expected


def test_a_label_of_the_future_is_not_known_yet(log):
    predicted(log, NOW - 9 * DAY)
    labelled(log, NOW + DAY)
    assert seen(log).newest_label is None


@pytest.mark.parametrize("latest", [1, 3, 100], ids=lambda n: f"of {n} latest")
@pytest.mark.parametrize("compacted", [False, True])
def test_a_label_that_is_sent_again_is_none_that_came(log, monkeypatch, latest, compacted):
    monkeypatch.setattr(delta_log, "_LATEST", latest)
    predicted(log, *(NOW - n * DAY for n in (9, 8, 7, 6, 5)))
    labelled(log, NOW - 6 * DAY, NOW - 7 * DAY, NOW - 8 * DAY)
    again = [label(f"p{2 - n}", "0", received=1.0, at=seconds(NOW - n * DAY)) for n in range(3)]
    log.write("labels-200-1", *again)
    if compacted:
        log.compact()
    newest = log.log.labels(MODEL).filter(pl.col("at") <= seconds(NOW))["at"].max()
    assert newest == seconds(NOW - 6 * DAY)
    assert seen(log) == Unlabelled(MODEL, NOW - 6 * DAY, NOW - 5 * DAY, 2 * DAY)


def test_how_old_labels_are_is_read_from_the_data_where_they_tell_their_time(log, tmp_path):
    predicted(log, NOW - 9 * DAY)
    roles = loans.roles.model_copy(update={"label_horizon": None, "label_time": "told"})
    days = pl.Series([NOW - n * DAY for n in range(10, 200)])
    rows = {"ts": days, "told": days + 5 * DAY, "defaulted": 0}
    file = tmp_path / "rows.parquet"
    pl.DataFrame(rows).write_parquet(file)
    assert seen(log, PROJECT.model_copy(update={"roles": roles}), str(file)).due == 5 * DAY


def test_the_newest_row_is_one_that_has_happened(tmp_path):
    file = tmp_path / "rows.parquet"
    rows = pl.DataFrame({"ts": [NOW - 2 * DAY, NOW - DAY, NOW + DAY, None], "defaulted": 0})
    rows.write_parquet(file)
    for max_age in (DAY / 2, 5 * DAY):
        assert newest_row(PROJECT, str(file), NOW, max_age) == NOW - DAY
        assert newest_row(PROJECT, str(file), NOW - 9 * DAY, max_age) is None
    with pytest.raises(ConfigurationError, match="has no source"):
        newest_row(PROJECT, None, NOW, DAY)


def test_the_newest_row_of_a_database_is_found_however_old_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "rows.db") as database:
        database.execute("CREATE TABLE rows (ts TEXT, defaulted INTEGER)")
        database.execute("INSERT INTO rows VALUES ('2026-01-01T00:00:00', 1)")
    data = f"sqlite:///{tmp_path}/rows.db#SELECT * FROM rows"
    assert newest_row(PROJECT, data, NOW, DAY) == NOW - 19 * DAY
