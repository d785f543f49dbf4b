from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from simulation.skew import SKEWS
from simulation.world import World as SimulatedWorld
from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.log_records import PREDICTION_SCHEMA
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.timesplit import time_split
from sixgates.gates.verdict import Outcome
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.answer import answer
from tasks.run import project_of
from tasks.validate import validate
from tests.references import reference_of
from tests.tasks.conftest import DAYS, ROWS, START


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


def test_the_owner_of_the_data_gets_counts_on_record_and_values_on_a_page(stage):
    stage.write(spoilt(stage.rows, stage.world.clock.now() - timedelta(days=6)))
    run = stage.begin()
    validate.fn(run)
    (entry,) = stage.entries(Kind.VERDICT)
    summary = entry.body["summary"]
    assert summary[0].startswith("900 of 1,800 rows (50 %) break 'debt_ratio: in_range(0, 1.5)'")
    page = stage.world.settings.runs / run.id / "summary.md"
    assert summary[-2:] == [
        f"Look at the rows: `sixgates quarantine --project {stage.project} --run {run.id}`.",
        f"All of it on one page: {page}.",
    ]
    assert "99.0" not in " ".join(summary)
    assert "| 99.0 |" in page.read_text()
    assert "Refused rows by rule" in stage.artifacts[-1]["markdown"]


def test_data_that_passes_whole_leaves_no_page(stage):
    run = stage.begin()
    validate.fn(run)
    (entry,) = stage.entries(Kind.VERDICT)
    assert "summary" not in entry.body
    assert not (stage.world.settings.runs / run.id / "summary.md").exists()


def test_the_history_reaches_back_beyond_the_training_window(stage):
    longer = replace(SimulatedWorld(3, START, DAYS, ROWS), days=40)
    lost = pl.col("ts").dt.date() == (START + timedelta(days=37)).date()
    stage.write(longer.frame().filter(~lost | (pl.int_range(pl.len()) % 10 == 0)))
    stage.world.clock.moment = START + timedelta(days=40)
    found = validate.fn(stage.begin())
    assert found.dataset.rows < 12 * ROWS
    assert "has 15 rows, 150 usual: 10 > limit 2 times off (n = 31 periods" in found.verdict.reason


def trained(stage):
    """Let a first model serve, and return what it answers to rows."""
    project = project_of(stage.project)
    rows = stage.rows
    now = stage.world.clock.now()
    young = pl.col("ts") > now - timedelta(days=2)
    known = rows.with_columns(defaulted=pl.when(young).then(None).otherwise("defaulted"))
    made = train(project, time_split(known, project, now))
    stage.world.models.put(made.text, made.card)
    stage.route(Step.COLD_START, Version("1", made.card.digest))
    until = now - timedelta(days=4)
    stage.world.references.put(project.name, made.card.digest, reference(rows, until))
    return lambda sent: predict(made.text, made.card, sent)


def logged(rows, answers, version="1"):
    return (
        PREDICTION_SCHEMA.to_frame()
        .clear()
        .vstack(
            rows.select(
                request=pl.format("r{}", pl.int_range(pl.len())),
                row=pl.lit(0, pl.Int64),
                entity="customer",
                at=pl.col("ts").dt.epoch("us") / 1e6,
                epoch=pl.lit(1, pl.Int64),
                arm=pl.lit("champion"),
                version=pl.lit(version),
                values=pl.Series(answers.tolist(), dtype=pl.List(pl.Float64)),
                error=pl.lit(""),
                micros=pl.lit(9.0),
                received=pl.lit(0.0),
                share=pl.lit(None, pl.Float64),
                trace=pl.lit(""),
            ).select(PREDICTION_SCHEMA.names())
        )
    )


def of_the_log(stage, skew=lambda rows: rows, version="1"):
    answer = trained(stage)
    new = stage.rows.filter(pl.col("ts") > stage.world.clock.now() - timedelta(days=3))
    stage.world.log.said = logged(new, answer(skew(new)), version)
    verdict = validate.fn(stage.begin()).verdict
    return verdict, next(c for c in verdict.checks if c.name == "training/serving skew")


def test_a_gateway_that_was_sent_what_is_stored_passes(stage):
    verdict, check = of_the_log(stage)
    assert verdict.passed, verdict.reason
    assert (check.seen, check.n, check.muted) == (0.0, 3 * ROWS, False)


def test_a_gateway_that_was_sent_another_feature_is_refused_by_its_name(stage):
    verdict, check = of_the_log(stage, SKEWS["income-in-thousands"])
    assert verdict.outcome is Outcome.FAIL
    assert check.seen > 0.5
    assert check.sentence.endswith("it was sent another income than is stored")


def test_what_another_version_answered_is_no_evidence(stage):
    verdict, check = of_the_log(stage, SKEWS["income-in-thousands"], version="2")
    assert verdict.passed
    assert check.muted
    assert "of 0 logged answers 0 match a stored row" in check.sentence
