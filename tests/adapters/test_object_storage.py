"""Tables and references in an S3-compatible object store, on a real server of another process."""

import threading
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import boto3
import polars as pl
import pytest

from sixgates.adapters import delta_packing, sealed_segments
from sixgates.adapters.compaction import compact
from sixgates.adapters.delta_table import ModelTable, reading
from sixgates.adapters.log_records import Stream, layout_of, located
from sixgates.adapters.log_state import look_at
from sixgates.adapters.quarantine import keep_refused, quarantine_of, rows_of_run
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.table_place import PATIENCE, ObjectFolder
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from tests.adapters.a_log import MODEL, ALog, label, prediction
from tests.adapters.receivers import hanging
from tests.aws import SECRET, aws
from tests.fakes import tiny_project
from tests.references import reference_of

pytestmark = pytest.mark.slow

DAY = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, aws(patch) as server:
        boto3.client("s3").create_bucket(
            Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
        )
        yield server


@pytest.fixture
def tables(server):
    server.plan()
    yield ObjectFolder(f"s3://lake/{uuid.uuid4().hex}")
    server.plan()


@pytest.fixture
def log(tmp_path, tables):
    log = ALog(tmp_path, tables)
    for s in range(4):
        log.write(f"predictions-{100 + s}-1", *(prediction(f"{s}.{r}") for r in range(4)))
        log.write(f"labels-{100 + s}-1", *(label(f"{s}.{r}", f"{s}", 1.0) for r in range(4)))
    return log


@pytest.fixture
def world(log):
    return build(Settings(home=log.home, tables=str(log.tables)))


def test_segments_go_into_tables_of_the_store_and_are_gone(log, world):
    done = compact(world, tiny_project(name=MODEL))
    assert (done.predictions.segments, done.labels.rows) == (4, 16)
    log.assert_all_in_tables()
    log.assert_whole()
    state = look_at(world, tiny_project(name=MODEL))
    assert (state.predictions.table.rows, state.predictions.table.files) == (16, 1)
    assert state.problems == []
    assert not (log.home / "tables").exists()
    assert pl.scan_delta(f"{log.tables}/{MODEL}/labels").collect().height == 16


def test_of_two_who_commit_the_same_segment_one_is_refused(log):
    table = log.table(Stream.PREDICTIONS)
    table.create()
    rows = pl.concat(log.log.segments.read(MODEL, Stream.PREDICTIONS).values())
    first, second = table.open(), table.open()
    table.append(first, rows)
    with pytest.raises(TransientError, match=r"another committed .* nothing was lost or doubled"):
        table.append(second, rows)
    assert len(log.stored(Stream.PREDICTIONS)) == 16


def test_two_committers_at_once_without_a_lease_lose_and_double_nothing(log, monkeypatch):
    monkeypatch.setattr(sealed_segments, "BATCH_SEGMENTS", 2)
    monkeypatch.setattr(delta_packing, "MANY", 1)
    together = threading.Barrier(2)

    def run():
        together.wait()
        with suppress(TransientError):
            ALog(log.home, log.tables).compact()

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    log.compact()
    table = log.table(Stream.LABELS)
    assert table.files(table.open()).height == 1  # They were packed.
    log.assert_all_in_tables()
    log.assert_whole()


def test_without_conditional_puts_nothing_is_written(log, monkeypatch):
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    with pytest.raises(ConfigurationError, match="AWS_CONDITIONAL_PUT says `disabled`"):
        log.compact()


def test_a_server_that_is_gone_is_one_sentence_and_loses_nothing(server, log, monkeypatch):
    commit = ModelTable.commit

    def cut_off(*given):
        server.plan(gone=True)
        commit(*given)

    with monkeypatch.context() as dying:
        dying.setattr(ModelTable, "commit", cut_off)
        with pytest.raises(TransientError, match=r"s3://lake/.*/predictions did not answer \(503"):
            log.compact()
    server.plan()
    assert len(log.segments()) == 8
    with monkeypatch.context() as gone:
        gone.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with pytest.raises(TransientError, match="Connection refused"):
            log.log.labels(MODEL)
    log.compact()
    log.assert_all_in_tables()


def test_a_server_that_hangs_is_given_up(log, monkeypatch):
    monkeypatch.setitem(PATIENCE, "timeout", "300ms")
    table = log.table(Stream.LABELS)
    table.create()
    rows = located(Stream.LABELS).to_frame(eager=True)
    some = pl.DataFrame({"path": ["gone.parquet"]})
    with hanging() as url, monkeypatch.context() as there:
        there.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(TransientError, match="did not answer"), reading(table.folder):
            table.scan_files(some).collect()
        with pytest.raises(TransientError, match="did not answer"):
            table.append(None, rows)
        with pytest.raises(TransientError, match="did not answer"):
            ReferenceStore(log.home, log.tables).put_looks(MODEL, "abc", ())


def refusal(log):
    with pytest.raises(ConfigurationError) as caught:
        log.compact()
    with pytest.raises(ConfigurationError) as reading:
        log.log.labels(MODEL)
    assert str(reading.value) == str(caught.value).replace("predictions", "labels")
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("server")
def test_a_bucket_that_is_not_there_is_named(tmp_path):
    log = ALog(tmp_path, ObjectFolder("s3://pond/x"))
    log.write("predictions-100-1", prediction("a"))
    assert refusal(log) == (
        "there is no bucket pond where s3://pond/x/churn/predictions lies: make it, or correct"
        " SIXGATES_TABLES"
    )


def test_a_key_that_is_refused_is_for_a_person(server, log):
    with server.keys_are_checked():
        said = refusal(log)
    assert said.startswith(f"the object store refused {log.tables}/churn/predictions (Inv")
    assert "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_a_session_token_that_has_run_out_is_no_outage(code):
    said = (
        "Generic S3 error\n ↳ Error performing list request\n ↳ Error performing GET http://a/lake"
        " in 1ms - Server returned non-2xx status code\n ↳ 400 Bad Request\n ↳ <?xml"
        f' version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>\n'
    )
    refused = pytest.raises(ConfigurationError, match=f"{code}.*: AWS_SESSION_TOKEN has run out")
    with refused, reading(ObjectFolder("s3://lake/six")):
        raise OSError(said)


def test_http_is_not_used_unless_allowed(log, monkeypatch):
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    assert "set AWS_ALLOW_HTTP=true" in refusal(log)


def test_refused_rows_are_kept_there_once(tables):
    table = quarantine_of(tables, MODEL)
    refused = pl.DataFrame({"ts": [DAY, DAY], "age": [1.0, 2.0], "rule": ["low", "low"]})
    for _ in range(2):
        keep_refused(table, refused, event_time="ts", run="r1", as_of=DAY)
    assert rows_of_run(table, "r1")["rule"].to_list() == ["low", "low"]
    assert rows_of_run(table, "r2").is_empty()


def test_a_table_gains_columns_there(log):
    layout = layout_of(Stream.LABELS)
    fewer = replace(layout, columns=pl.Schema(list(layout.columns.items())[1:]))
    ModelTable(log.tables / MODEL / "labels", fewer).create()
    log.compact()
    log.assert_all_in_tables()


def test_a_file_that_is_missing_is_a_table_that_is_not_whole(log):
    log.compact()
    table = log.table(Stream.LABELS)
    (path,) = table.files(table.open())["path"]
    key = f"{log.tables}/{MODEL}/labels/{path}".removeprefix("s3://lake/")
    boto3.client("s3").delete_object(Bucket="lake", Key=key)
    with pytest.raises(ContractError, match="cannot be read as Delta"):
        log.log.labels(MODEL)


def test_a_reference_is_read_by_another_machine(tmp_path, server, world):
    reference = reference_of(pl.DataFrame({"x": [1.0, None], "c": ["ä", 'a"b']}), ["x"], ["c"], DAY)
    file = world.references.put(MODEL, "abc", reference)
    assert file == world.settings.store / MODEL / "abc.reference.json"
    there = ReferenceStore(tmp_path / "there", world.settings.shared)
    assert there.get(MODEL, "abc") == reference == ReferenceStore(world.settings.store).get(
        MODEL, "abc"
    )  # fmt: skip
    assert there.looks(MODEL, "abc") == ()
    there.put_looks(MODEL, "abc", ())
    with pytest.raises(ContractError, match=r"s3://lake/.*/churn/def.reference.json cannot be"):
        there.get(MODEL, "def")
    with server.keys_are_checked(), pytest.raises(ConfigurationError, match="refused s3://lake"):
        there.put(MODEL, "def", reference)
    with server.keys_are_checked(), pytest.raises(ConfigurationError, match="refused s3://lake"):
        there.get(MODEL, "abc")
