from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest

from sixgates.adapters.dataset_store import read_dataset
from sixgates.gates.drift.dry_run import dry_run
from sixgates.gates.drift.look import Look
from sixgates.gates.profile.groups import Window
from sixgates.ledger.feed import broken_stretches
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.answer import answer
from tasks.evaluate import evaluate
from tasks.feed import note_feed
from tasks.look import look_around
from tasks.retrain import train_challenger
from tasks.run import project_of
from tasks.validate import validate
from tasks.watch import look_for_drift
from tests.tasks.test_watch import later

DAY = timedelta(days=1)


@pytest.fixture
def serving(stage):
    """Let a model trained on the newest data serve."""
    run, dataset = stage.validated()
    model = train_challenger.fn(run, dataset).model
    evaluate.fn(run, dataset, model)
    stage.route(Step.COLD_START, Version(model.version, model.digest), release=run.id)
    answer.fn(run, "released", "version 1 is in step cold_start")
    return stage


def look(stage):
    return look_for_drift.fn(stage.project, stage.data)


def notices(stage):
    return [entry.body["case"] for entry in stage.entries(Kind.NOTICE)]


def test_a_broken_feed_is_told_once_a_window_and_asks_for_nothing(serving):
    later(serving, 6, pl.col("income") * 1000)
    for _ in range(2):
        report = look(serving)
        assert not report.asks
        assert [found.fault for found in report.faults] == ["unit change"]
        assert notices(serving) == ["broken feed"] * 6
    first = serving.entries(Kind.NOTICE)[0]
    for part in ("income", "quarantined", "mend the feed"):
        assert part in first.reason
    stretches = broken_stretches(serving.entries(Kind.NOTICE))
    assert len(stretches) == 6
    assert all(b.start == a.end for a, b in pairwise(stretches))


def test_a_feed_that_was_mended_is_looked_at_again_and_its_rows_count(serving):
    sound = serving.rows
    later(serving, 5, pl.lit(None, pl.Float64).alias("income"))
    look(serving)
    spoilt = serving.rows
    assert len(broken_stretches(serving.entries(Kind.NOTICE))) == 5
    serving.write(sound)
    serving.world.clock.moment -= 5 * DAY
    later(serving, 5)
    assert not spoilt.equals(serving.rows)
    report = look(serving)
    assert report.faults == ()
    assert report.signals[0].n == 5
    assert broken_stretches(serving.entries(Kind.NOTICE)) == []
    assert notices(serving) == ["broken feed"] * 5 + ["mended feed"] * 5


def test_a_feed_is_mended_for_whoever_serves_by_then(serving):
    later(serving, 3)
    sound, came = serving.rows, pl.col("ts") > serving.world.clock.now() - 3 * DAY
    serving.write(sound.with_columns(pl.when(~came).then("income").alias("income")))
    look(serving)
    later(serving, 4)
    serving.world.clock.moment += timedelta(hours=7)  # so windows will have other borders
    run = serving.begin(trigger="by hand")
    dataset = validate.fn(run).dataset
    model = train_challenger.fn(run, dataset).model
    evaluate.fn(run, dataset, model)
    serving.route(Step.CONFIRMED, Version(model.version, model.digest), release=run.id)
    answer.fn(run, "released", "version 2 is in step confirmed")
    look(serving)
    assert notices(serving) == ["broken feed"] * 3
    serving.write(pl.concat([sound, serving.rows[sound.height :]]))
    for _ in range(2):
        look(serving)
        assert broken_stretches(serving.entries(Kind.NOTICE)) == []
        assert notices(serving) == ["broken feed"] * 3 + ["mended feed"] * 3


def test_who_serves_again_does_not_find_a_feed_broken_that_was_mended_since(
    serving, old, monkeypatch
):
    first = serving.world.ledger.route(serving.model).champion
    later(serving, 3)
    sound, came = serving.rows, pl.col("ts") > serving.world.clock.now() - 3 * DAY
    serving.write(sound.with_columns(pl.when(~came).then("income").alias("income")))
    look(serving)
    stretches = broken_stretches(serving.entries(Kind.NOTICE))
    serving.route(Step.CONFIRMED, old)
    serving.write(sound)
    for stretch in stretches:  # as the watch found while the other one served
        note_feed(serving.world, serving.model, [Look(Window(stretch.start, stretch.end, 150, ()))])
    serving.route(Step.ROLLED_BACK, first)
    monkeypatch.setitem(look_around.__globals__, "_AGAIN", 1)
    later(serving, 2)
    look(serving)
    assert notices(serving) == ["broken feed"] * 3 + ["mended feed"] * 3


def test_a_retrain_learns_nothing_from_a_broken_stretch_and_is_not_stopped_by_it(serving):
    later(serving, 2, pl.col("income") * 1000)
    look(serving)
    later(serving, 6)
    look(serving)
    (first, second) = broken_stretches(serving.entries(Kind.NOTICE))
    run = serving.begin(trigger="by hand")
    found = validate.fn(run)
    assert found.verdict.passed
    refused = pl.read_parquet(found.dataset.quarantine)
    assert refused["rule"].unique().to_list() == ["broken_feed"]
    assert refused["ts"].is_between(first.start, second.end, closed="right").all()
    assert refused["income"].min() > read_dataset(found.dataset)["income"].max()
    entry = serving.entries(Kind.VERDICT)[-1]
    assert [len(pair) for pair in entry.body["inputs"]["broken"]] == [2, 2]


def test_each_window_is_looked_at_once(serving, monkeypatch):
    later(serving, 3)
    look(serving)
    kept = serving.world.references.looks("loans-small", serving.world.ledger.route("loans-small")
                                          .champion.digest)  # fmt: skip
    assert len(kept) == 3
    later(serving, 1)
    looked = []
    real = look_around.__globals__["look_at"]

    def noted(*given, **more):
        looked.append(given[3])
        return real(*given, **more)

    monkeypatch.setitem(look_around.__globals__, "look_at", noted)
    assert look(serving).signals[0].n == 4
    assert [end for _, end in looked] == [kept[-1].inputs.end + DAY]


def test_windows_that_were_made_shorter_are_no_broken_feed(serving):
    serving.play("small", watch={"window": timedelta(hours=3), "min_rows": 10})
    project_of.cache_clear()
    later(serving, 4)
    report = look(serving)
    assert report.faults == ()
    assert notices(serving) == []
    assert (report.signals[0].n, report.grounds.window) == (4, DAY)


def test_a_feed_that_breaks_the_schema_is_a_broken_feed_and_no_failure(serving):
    later(serving, 1)
    serving.write(serving.rows.drop("age"))
    report = look(serving)
    assert [found.fault for found in report.faults] == ["schema break"]
    assert report.faults[0].features == ("age",)


def test_a_feed_that_ends_is_told_as_such(serving):
    serving.world.clock.moment += 2 * DAY
    report = look(serving)
    assert [found.fault for found in report.faults] == ["volume collapse"]


def test_a_dry_run_keeps_nothing_and_says_when_it_would_have_asked(serving):
    before = serving.history()
    later(serving, 4)
    later(serving, 16, pl.col("income") * 3)
    project = project_of(serving.project)
    since = look_around(serving.world, project, serving.data, anew=True)
    found = dry_run(since.after_each_look(), project.policies.watch)
    assert len(found) == 20
    assert not any(would.by for would in found[:4])
    triggered = [i for i, would in enumerate(found) if would.triggered]
    # The first within a week of the shift, the second when the cooldown of a week is over.
    assert 4 <= triggered[0] <= 10
    assert triggered[1] == triggered[0] + 7
    assert "drift" in found[triggered[0]].by
    assert serving.history() == before
    digest = serving.world.ledger.route(project.name).champion.digest
    assert serving.world.references.looks(project.name, digest) == ()
