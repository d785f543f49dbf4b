from datetime import timedelta

import polars as pl
import pytest

from sixgates.adapters.dataset_store import read_dataset
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.verdict import Outcome
from sixgates.ledger.route import Step
from tasks.answer import answer
from tasks.validate import validate
from tests.references import reference_of


def reference(rows, until):
    return reference_of(rows, ["income"], [], until)


def spoilt(frame, since):
    return frame.with_columns(
        debt_ratio=pl.when(pl.col("ts") >= since).then(99.0).otherwise("debt_ratio")
    )


def test_the_rows_of_the_window_are_stored_as_they_were_known(stage):
    run = stage.begin()
    found = validate.fn(run)
    rows = read_dataset(found.dataset)
    assert found.verdict.passed
    assert (found.dataset.rows, found.dataset.quarantined) == (rows.height, 0)
    assert rows.height == 12 * 150  # the training window
    assert rows["ts"].max() <= run.at
    young = rows.filter(pl.col("ts") > run.at - timedelta(days=2))
    assert young["defaulted"].null_count() == young.height > 0
    assert found.dataset.matured == rows.height - young.height
    assert stage.verdicts() == [("validate", "pass")]
    assert stage.world.registry.verdicts == [("t1", found.verdict)]
    assert [a["key"] for a in stage.artifacts] == ["loans-small-gate-1-validate"]


def test_accepted_and_quarantined_rows_are_together_all_of_the_window(stage):
    frame = stage.rows
    newest = frame.tail(200).with_row_index()
    broken = newest.with_columns(
        ts=pl.when(pl.col("index") < 30).then(None).otherwise("ts"),
        region=pl.when(pl.col("index") > 180).then(pl.lit("moon")).otherwise("region"),
    ).drop("index")
    stage.write(pl.concat([frame.head(-200), broken]))
    found = validate.fn(stage.begin())
    assert found.dataset.rows + found.dataset.quarantined == 12 * 150
    refused = pl.read_parquet(found.dataset.quarantine)
    assert dict(refused["rule"].value_counts().iter_rows())["event_time"] == 30
    assert found.verdict.outcome is Outcome.FAIL


def test_garbage_is_refused_and_still_stored_for_its_owner(stage):
    stage.write(spoilt(stage.rows, stage.world.clock.now() - timedelta(days=6)))
    found = validate.fn(stage.begin())
    assert found.verdict.outcome is Outcome.FAIL
    assert "quarantined share 0.5 > limit 0.02" in found.verdict.reason
    assert pl.read_parquet(found.dataset.quarantine).height == found.dataset.quarantined == 900
    assert stage.verdicts() == [("validate", "fail")]


def test_new_rows_must_keep_the_limits_by_themselves(stage, old):
    project = stage.play("loose", validation={"max_quarantined_share": 0.1})
    now = stage.world.clock.now()
    stage.write(spoilt(stage.rows, now - timedelta(days=1)))
    run = stage.begin()
    assert validate.fn(run).verdict.passed  # one spoilt day of twelve
    stage.route(Step.COLD_START, old)
    seen = reference(stage.rows, now - timedelta(days=2))
    stage.world.references.put(project.name, old.digest, seen)
    answer.fn(run, "broken", "for the test")
    verdict = validate.fn(stage.begin(trigger="by hand")).verdict
    assert verdict.outcome is Outcome.FAIL
    assert "quarantined share of new rows 0.5 > limit 0.1" in verdict.reason


def test_a_champion_without_its_reference_stops_the_run_with_the_way_out(stage, old):
    stage.route(Step.COLD_START, old)
    with pytest.raises(ContractError, match=r"reference.json cannot be read .*: restore it"):
        validate.fn(stage.begin())


def test_a_retry_records_one_verdict_and_the_same_dataset(stage):
    run = stage.begin()
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        validate.fn(run)
    again, once_more = validate.fn(run), validate.fn(run)
    assert again == once_more
    assert stage.verdicts() == [("validate", "pass")]


def test_the_version_of_a_table_that_was_read_is_pinned_and_stays_so(stage):
    table = stage.folder / "table"
    stage.rows.write_delta(table)
    run = stage.begin(data=str(table))
    found = validate.fn(run)
    assert found.dataset.source == f"{table}, version 0"
    stage.rows.head(1).write_delta(table, mode="append")
    assert validate.fn(run) == found  # A second try does not speak of the version of today.
