"""Labels from a file: checked whole, written once, and idempotent."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from sixgates.adapters import label_file
from sixgates.adapters.label_file import take_labels
from sixgates.adapters.label_rows import read_labels
from sixgates.adapters.past_log import PastLog
from sixgates.gates.card import Task
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.log_sample import is_logged
from sixgates.gates.project import LossName
from tests.adapters.a_log import MODEL, ALog, label, prediction
from tests.fakes import tiny_project

FEW = pl.DataFrame(
    {"request": ["a", "a", "b"], "row": [0, 1, 0], "label": [1, 0, 1], "at": [5.0, 6.0, 7.0]}
)


@pytest.fixture
def log(tmp_path):
    log = ALog(tmp_path)
    log.write("predictions-100-1", prediction("a"), prediction("a", row=1), prediction("b"))
    return log


def project(task=Task.BINARY):
    loss = LossName.BRIER if task is not Task.REGRESSION else LossName.ABSOLUTE_ERROR
    return tiny_project(task, name=MODEL, loss=loss)


def take(log, path, task=Task.BINARY):
    return take_labels(log.log, project(task), path)


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def kept(log):
    return log.log.labels(MODEL).select("request", "row", "label", "at").rows()


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "ndjson"])
def test_each_format_says_the_same(log, form):
    path = log.home / f"labels.{form}"
    {"parquet": FEW.write_parquet, "csv": FEW.write_csv}.get(form, FEW.write_ndjson)(path)
    taken = take(log, path)
    assert (taken.rows, taken.written, taken.counts.new, taken.counts.unknown) == (3, 3, 3, 0)
    assert kept(log) == [("a", 0, "1", 5.0), ("a", 1, "0", 6.0), ("b", 0, "1", 7.0)]


def test_a_file_that_is_there_is_no_glob(log):
    path = log.home / "labels[1].parquet"
    FEW.write_parquet(path)
    take(log, path)
    assert len(kept(log)) == len(FEW)


def test_the_same_file_again_gives_duplicates_only_wherever_they_lie(log):
    path = log.home / "labels.csv"
    written(path, "request,row,label\na,0,1\na,0,0\na,0,1\n")
    first = take(log, path)
    assert (first.counts.new, first.counts.duplicates, first.counts.contradictory) == (1, 1, 1)
    assert first.written == 2
    for _ in range(2):
        again = take(log, path)
        assert (again.counts.duplicates, again.written, again.segments) == (3, 0, [])
        log.compact()
    assert [label for *_, label, _ in kept(log)] == ["1"]
    assert len(log.table("labels").scan().collect()) == 2


def test_what_is_written_is_a_sealed_segment_like_any_other(log):
    path = log.home / "labels.parquet"
    FEW.write_parquet(path)
    (name,) = take(log, path).segments
    assert log.segments() == [name.removesuffix(".jsonl"), "predictions-100-1"]
    assert log.compact().labels.rows == 3
    assert log.segments() == []


def test_labels_of_requests_that_are_not_logged_are_left_out_and_not_unknown(log):
    share, requests = 0.3, [f"r{n}" for n in range(40)]
    kept_requests = [request for request in requests if is_logged(request, share)]
    log.write("predictions-200-1", *(prediction(request) for request in kept_requests))
    path = log.home / "labels.parquet"
    pl.DataFrame({"request": requests, "row": 0, "label": 1}).write_parquet(path)
    taken = take_labels(log.log, project(), path, share)
    n = len(kept_requests)
    assert (taken.rows, taken.left_out, taken.written) == (40, 40 - n, n)
    assert (taken.counts.new, taken.counts.unknown) == (n, 0)
    assert [request for request, *_ in kept(log)] == kept_requests


def test_a_large_file_is_written_in_parts(log, monkeypatch):
    monkeypatch.setattr(label_file, "SEGMENT_ROWS", 2)
    path = log.home / "labels.parquet"
    FEW.write_parquet(path)
    assert len(take(log, path).segments) == 2
    assert len(kept(log)) == 3


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-05-01T09:30:00", 1_777_627_800.0),
        ("2026-05-01T11:30:00+02:00", 1_777_627_800.0),
        ("2026-05-01", 1_777_593_600.0),
        ("1777627800.5", 1_777_627_800.5),
    ],
)
def test_when_a_label_became_known_is_read_as_the_gateway_reads_it(log, at, seconds):
    take(log, written(log.home / "x.csv", f"request,row,label,at\na,0,1,{at}\n"))
    assert kept(log) == [("a", 0, "1", seconds)]


def test_datetimes_of_parquet_are_utc_where_they_have_no_zone(log):
    naive = datetime(2026, 5, 1, 9, 30)  # noqa: DTZ001
    frame = FEW.head(1).with_columns(at=pl.lit(naive))
    frame.write_parquet(log.home / "x.parquet")
    take(log, log.home / "x.parquet")
    assert kept(log) == [("a", 0, "1", naive.replace(tzinfo=UTC).timestamp())]


def test_a_label_that_does_not_say_when_became_known_now(log):
    before = datetime.now(UTC)
    take(log, written(log.home / "x.csv", "request,row,label,at\na,0,1,\n"))
    ((*_, at),) = kept(log)
    assert before <= datetime.fromtimestamp(at, UTC) <= before + timedelta(minutes=1)


def test_what_a_tick_saw_while_a_file_was_checked_stays_so(log, monkeypatch):
    seen = {}

    def look():
        now = datetime.now(UTC)
        log.write("labels-100-1", label("a", "0", received=now.timestamp(), at=now.timestamp()))
        seen["at"] = datetime.now(UTC).replace(tzinfo=None)
        seen["labels"] = PastLog(log.log, seen["at"], seen["at"]).labels(MODEL)

    def read(*given):
        yield from read_labels(*given)
        look()

    monkeypatch.setattr(label_file, "read_labels", read)
    take(log, written(log.home / "x.csv", "request,row,label\na,0,1\nb,0,1\n"))
    assert seen["labels"]["label"].to_list() == ["0"]
    assert PastLog(log.log, seen["at"], seen["at"]).labels(MODEL).equals(seen["labels"])
    assert [(request, text) for request, _, text, _ in kept(log)] == [("a", "0"), ("b", "1")]


@pytest.mark.parametrize(
    ("task", "given", "stored"),
    [
        (Task.BINARY, "1.0", "1"),
        (Task.BINARY, "true", None),
        (Task.REGRESSION, "0.30000000000000004", "0.30000000000000004"),
        (Task.REGRESSION, "-3", "-3"),
        (Task.REGRESSION, "nan", None),
        (Task.REGRESSION, "1e999", None),
        (Task.MULTICLASS, "0012", "0012"),
        (Task.MULTICLASS, "", None),
        (Task.BINARY, "2", None),
        (Task.BINARY, "", None),
    ],
)
def test_a_label_must_be_one_of_its_task(log, task, given, stored):
    path = written(log.home / "x.csv", f"request,row,label\nfirst,0,1\na,0,{given}\n")
    if stored is None:
        with pytest.raises(ConfigurationError, match=r"x\.csv, line 3: label is .* and not"):
            take(log, path, task)
        assert log.segments() == ["predictions-100-1"]
    else:
        take(log, path, task)
        assert kept(log)[-1][2] == stored


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("x.txt", "", "end it in .parquet"),
        ("x.csv", "", "lacks"),
        ("x.csv", "request,row\na,0\n", r"lacks \['label'\]"),
        ("x.csv", "request,row,label\na,0\n", "line 2 has not as many fields"),
        ("x.csv", "request,row,label\na,0,1,2\n", "line 2 has not as many fields"),
        ("x.csv", 'request,row,label\na,0,"1\n', "is not CSV"),
        ("x.csv", "request,row,label\n,0,1\n", "line 2: request is ''"),
        ("x.csv", "request,row,label\na,-1,1\n", "line 2: row is '-1'"),
        ("x.csv", "request,row,label\na,0.0,1\n", "line 2: row is '0.0'"),
        ("x.csv", "request,row,label,at\na,0,1,soon\n", "line 2: at is"),
        ("x.jsonl", "{oops\n", "line 1 is no JSON object"),
        ("x.jsonl", "[1]\n", "line 1 is no JSON object"),
        ("x.jsonl", '{"request": 7, "row": 0, "label": 1}\n', "line 1: request is 7"),
        ("x.jsonl", '\n{"request": "a", "row": true, "label": 1}\n', "line 2: row is True"),
        ("x.jsonl", '{"request": "a", "row": 0}\n', "line 1: label is None"),
        ("x.jsonl", '{"request": "a", "row": 0, "label": [1]}\n', "line 1: label is"),
        (
            "x.jsonl",
            f'{{"request": "a", "row": 0, "label": {10**400}}}\n',
            "line 1: label is 1.* and not 0 or 1",
        ),
        ("x.jsonl", '{"request": "a", "row": 0, "label": 1, "at": 1e99}\n', "line 1: at is 1e"),
        ("x.parquet", "no parquet", "is not parquet"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(log, name, text, sentence):
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        take(log, written(log.home / name, text))
    assert "\n" not in str(caught.value)
    assert log.segments() == ["predictions-100-1"]


def test_a_file_that_is_not_there_or_not_text_is_named(log):
    with pytest.raises(ConfigurationError, match="No such file"):
        take(log, log.home / "none.csv")
    with pytest.raises(ConfigurationError, match="No such file"):
        take(log, log.home / "none.parquet")
    (log.home / "x.csv").write_bytes(b"request,row,label\n\xff,0,1\n")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        take(log, log.home / "x.csv")
