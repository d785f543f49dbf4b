"""Gates whose rows stay with the workers of Dask: two processes of one thread each."""

import inspect
import os
import signal
import sys
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import cloudpickle
import polars as pl
import pytest
from dask.sizeof import sizeof
from distributed import Client, LocalCluster

from simulation.drift import Shift, ShiftKind
from simulation.world import World
from sixgates.adapters.dataset_store import read_dataset, write_dataset
from sixgates.adapters.engine.base_rate import base_rate_on
from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.engine.cluster import cluster_at
from sixgates.adapters.engine.counting import count_on
from sixgates.adapters.engine.holdout import holdout_on, paired_on
from sixgates.adapters.engine.stored_rows import Part, StoredRows, stored_rows_of
from sixgates.adapters.engine.training import train_on
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.lightgbm_trainer import predict, train
from sixgates.adapters.model_store import text_digest
from sixgates.adapters.observing import count_files
from sixgates.adapters.parquet_profile import Span, profile_files
from sixgates.adapters.project_files import load_project
from sixgates.adapters.settings import Settings
from sixgates.gates.card import Task
from sixgates.gates.compare import judge_comparison
from sixgates.gates.differences import differences
from sixgates.gates.encoding import label_array
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.evaluate import judge_holdout
from sixgates.gates.losses import row_losses
from sixgates.gates.policy import ComparisonPolicy
from sixgates.gates.project import LossName
from sixgates.gates.timesplit import time_split
from sixgates.ledger.ledger import Kind
from tasks.evaluate import evaluate
from tasks.retrain import train_challenger

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not have the tests
START, DAY = datetime(2026, 1, 5), timedelta(days=1)  # noqa: DTZ001 - naive UTC
DATA = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def on_workers(scheduler):
    with Client(scheduler, set_as_default=False) as client:
        client.wait_for_workers(2)  # another test may have killed one
    with cluster_at(scheduler) as cluster:
        yield cluster


@pytest.fixture
def all_train(monkeypatch):
    """Let few rows be reason enough for every worker to take part in a training."""
    monkeypatch.setattr("sixgates.adapters.engine.together._ROWS_EACH", 1)


def stored(folder, frame, now, event_time="ts"):
    return write_dataset(
        folder, "r1", accepted=frame.sort(event_time), quarantined=frame.clear(), source="test",
        as_of=now, matured=frame.height,
    )  # fmt: skip


@pytest.fixture(scope="module")
def loans():
    return quick(load_project("loans"))


def quick(project, **training):
    """Shorten the training of a project."""
    policy = project.policies.training.model_copy(update={"rounds": 30, **training})
    policies = project.policies.model_copy(update={"training": policy})
    return project.model_copy(update={"policies": policies})


def paired(project, holdout, *models):
    """Losses of some models on the same rows."""
    labels = label_array(project, holdout)
    return [row_losses(project, labels, predict(*m, holdout), m[1].classes) for m in models]


def test_the_features_of_a_window_are_counted_as_in_one_process(on_workers, tmp_path):
    rows = (
        World(5, START, 20, 3_000)
        .frame()
        .with_columns(income=pl.when(pl.int_range(pl.len()) % 50 > 0).then("income"))
    )
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file, part in zip(files, rows.iter_slices(35_000), strict=True):
        part.write_parquet(file, row_group_size=5_000)
    like = profile_files(files, ["income", "age"], ["region"])
    for span in (Span("ts", START + 5 * DAY, START + 15 * DAY), Span("ts", START - DAY, START)):
        want, rows_wanted = count_files(files, like, span, 2_000)
        found, some = count_on(on_workers, files, like, span, 2_000)
        assert found == want
        assert some.equals(rows_wanted)
    assert want.rows == 0


def test_the_files_of_a_delta_table_can_be_dealt_out(on_workers, loans, tmp_path):
    rows = World(5, START, 4, 500).frame()
    for part in rows.iter_slices(500):
        part.write_delta(str(tmp_path / "rows"), mode="append")
    like = profile_files(_files(loans, tmp_path / "rows", START - DAY), ["age"], ["region"])
    with ProjectLake(loans, tmp_path / "rows").window(START, START + 2 * DAY) as window:
        span = Span("ts", START, START + 2 * DAY)
        found, _ = count_on(on_workers, window.files, like, span, 10)
    assert len(window.files) == 4
    assert like.rows == 2_000
    assert found.rows == rows.filter(pl.col("ts").is_between(*span[1:], closed="right")).height


def _files(project, folder, since):
    with ProjectLake(project, folder).window(since, since + 9 * DAY) as window:
        return window.files


@pytest.mark.parametrize("label", ["horizon", "time"])
def test_borders_are_those_that_one_process_finds(on_workers, loans, tmp_path, label):
    frame, now = World(5, START, 30, 300).frame(), START + 30 * DAY
    project = quick(loans, window=20 * DAY)
    if label == "time":
        delays = pl.int_range(pl.len()) * 7919 % (5 * 86_400)
        frame = frame.with_columns(known=pl.col("ts") + pl.duration(seconds=delays))
        changes = {"label_horizon": None, "label_time": "known"}
        project = project.model_copy(update={"roles": loans.roles.model_copy(update=changes)})
    dataset = stored(tmp_path, frame, now)
    rows, want = stored_rows_of(on_workers, project, dataset), time_split(frame, project, now)
    split = rows.borders.split(frame.sort("ts"), project)
    for name in ("train", "validation", "holdout"):
        assert getattr(split, name).equals(getattr(want, name))
        assert sum(getattr(size, name) for size in rows.sizes) == getattr(want, name).height


@pytest.mark.usefixtures("all_train")
def test_a_challenger_trained_on_workers_is_registered_like_any_other(stage, scheduler):
    settings = stage.world.settings.model_copy(update={"engine": scheduler})
    object.__setattr__(stage.world, "settings", settings)
    run, dataset = stage.validated()
    trained = train_challenger.fn(run, dataset)
    assert trained.verdict.passed
    assert stage.world.registry.versions == [trained.model]
    text, card = stage.world.models.get("loans-small", trained.model.digest)
    assert trained.model.digest == text_digest(text) == card.digest
    assert len(card.probes) > 10
    assert "127.0.0.1" not in text
    assert evaluate.fn(run, dataset, trained.model).passed
    assert stage.world.references.get("loans-small", card.digest).profile.rows == dataset.rows
    where = {e.body["gate"]: e.body["inputs"]["engine"] for e in stage.entries(Kind.VERDICT)}
    assert set(where) == {"validate", "retrain", "evaluate"}
    assert set(where.values()) == {scheduler}
    split = time_split(read_dataset(dataset), load_project(stage.project), dataset.as_of)
    local = train(load_project(stage.project), split)
    assert card.features == local.card.features
    here, there = paired(
        load_project(stage.project), split.holdout, (local.text, local.card), (text, card)
    )
    assert abs((there - here).mean()) < 3 * (there - here).std() / len(here) ** 0.5


@pytest.mark.parametrize("tried", [{"newest_shares": (1.0, 0.3)}, {"since_drift": True}])
def test_the_newest_part_is_chosen_as_by_one_process(on_workers, loans, tmp_path, tried):
    turned_at = START + 10 * DAY
    turned = Shift(ShiftKind.CONCEPT, 10, 2.5, "age")
    frame, now = World(5, START, 20, 300, (turned,)).frame(), START + 20 * DAY
    dataset = stored(tmp_path, frame, now)
    project = quick(loans, **tried)
    split = time_split(read_dataset(dataset), project, now)
    want = train(project, split, since=turned_at).evidence
    found = train_on(stored_rows_of(on_workers, project, dataset), turned_at).evidence
    assert found.rows == want.rows
    assert found.loss == pytest.approx(want.loss, rel=0.05)
    if want.drift is None:
        assert found.drift is None
    else:
        assert (found.drift.rows, found.drift.taken, found.drift.other_rows) == (
            want.drift.rows, True, want.drift.other_rows
        )  # fmt: skip
        assert found.drift.loss == found.loss


def test_a_card_says_how_long_labels_took_as_in_one_process(on_workers, loans, tmp_path):
    frame, now = World(5, START, 20, 100).frame(), START + 20 * DAY
    lately = pl.col("ts") > START + 15 * DAY
    frame = frame.with_columns(
        known=pl.col("ts") + pl.when(lately).then(4 * DAY).otherwise(2 * DAY)
    )
    changes = {"label_horizon": None, "label_time": "known"}
    project = quick(loans, rounds=3, window=None)
    project = project.model_copy(update={"roles": loans.roles.model_copy(update=changes)})
    dataset = stored(tmp_path, frame, now)
    want = train(project, time_split(read_dataset(dataset), project, now)).card.label_age
    rows = stored_rows_of(on_workers, project, dataset)
    assert train_on(rows).card.label_age == want == 2 * DAY.total_seconds()
    assert rows.age == 4 * DAY


def variant(loans, task):
    """The loans as another task, and how to make its label."""
    label = {
        Task.MULTICLASS: pl.col("region") + pl.col("defaulted").cast(pl.String),
        Task.REGRESSION: (pl.col("income").rank() + 9_000 * pl.col("defaulted")) / 100,
    }[task]
    regression = task is Task.REGRESSION
    changes = {"label": "y", **({"entity": None} if regression else {}), "segments": ("region",)}
    loss = {"loss": LossName.ABSOLUTE_ERROR, "clip": 40.0} if regression else {}
    roles = loans.roles.model_copy(update=changes)
    return loans.model_copy(update={"task": task, "roles": roles, **loss}), label.alias("y")


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_gates_3_and_4_see_the_numbers_of_one_process(scheduler, loans, tmp_path, task):
    project, label = variant(loans, task)
    frame, now = World(5, START, 30, 150).frame().with_columns(label), START + 30 * DAY
    dataset = stored(tmp_path, frame, now)
    split = time_split(read_dataset(dataset), project, now)
    challenger = train(project, split)
    champion = train(quick(project, rounds=4), split)
    models = [(made.text, made.card) for made in (champion, challenger)]
    here, there = (engine_of(name) for name in ("local", scheduler))

    want, found = (engine.compare(project, dataset, *models) for engine in (here, there))
    policy = ComparisonPolicy(margin=0.01)
    assert near(differences(found, policy), differences(want, policy))
    verdicts = [judge_comparison(seen, policy, cold_start=False) for seen in (found, want)]
    assert near(verdicts[0].checks, verdicts[1].checks)
    assert found.challenger_loss == pytest.approx(want.challenger_loss)

    want, found = (engine.evaluate(project, dataset, models[1]) for engine in (here, there))
    limits = project.policies.evaluation.model_copy(update={"max_latency_ms": None, "max_loss": 1})
    checks = [judge_holdout(e.evidence, limits, project.loss).checks for e in (found, want)]
    told = [[c for c in of if c.name not in {"baselines", "calibration error"}] for of in checks]
    assert near(*told)
    errors = [[c.seen for c in of if c.name == "calibration error"] for of in checks]
    assert errors[0] == pytest.approx(errors[1], abs=2e-3)
    assert errors[0] or task is Task.REGRESSION
    assert found.reference.profile == want.reference.profile
    assert found.reference.answers == want.reference.answers
    assert found.reference.until == want.reference.until
    assert found.reference.holdout_loss == pytest.approx(want.reference.holdout_loss)
    assert found.reference == replace(want.reference, holdout_loss=found.reference.holdout_loss)


def near(found, want):
    """Whether values of some results agree, sentences aside, but for the rounding of sums."""
    assert len(found) == len(want) > 0
    for one, other in zip(found, want, strict=True):
        for name in one.__slots__:
            if name not in {"sentence", "muted"}:
                value = getattr(other, name)
                about = pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                assert getattr(one, name) == about, (name, one, other)
    return True


@pytest.mark.usefixtures("all_train")
@pytest.mark.parametrize("name", ["electricity", "bikes"])
def test_on_real_rows_the_model_is_as_good_as_that_of_one_process(on_workers, tmp_path, name):
    file = DATA / {"electricity": "elec2.parquet", "bikes": "bike_sharing_hourly.parquet"}[name]
    if not file.exists():
        pytest.skip(f"{file} is not there: the real data is not part of the project")
    project, rows = real(name, file)
    # The window of the bikes leaves so few rows that one model differs from the next by more.
    project = quick(project, rounds=100, **({"window": None} if name == "bikes" else {}))
    now = rows["ts"].max() + 2 * DAY
    dataset = stored(tmp_path, rows, now, project.roles.event_time)
    split = time_split(read_dataset(dataset), project, now)
    here = train(project, split)
    there = train_on(stored_rows_of(on_workers, project, dataset))
    losses = paired(project, split.holdout, (here.text, here.card), (there.text, there.card))
    noise = losses[0].std() / len(losses[0]) ** 0.5
    assert abs((losses[1] - losses[0]).mean()) < noise
    assert there.evidence.base_loss == pytest.approx(here.evidence.base_loss)


def real(name, file):
    """The rows of a real data set, and the project that models them."""
    project = load_project(name)
    return project, pl.read_parquet(file).select(*project.contract.columns)


class Deadly(Part):
    """A part that kills the first worker that reads it from within a function."""

    marker, within = "", ""

    def read(self):
        self.die()
        return super().read()

    def read_only(self, columns):
        self.die()
        return super().read_only(columns)

    def die(self):
        asked = any(frame.function == self.within for frame in inspect.stack())
        if asked and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)


def with_a_deadly_part(rows, marker, within):
    """Put a part that kills who reads it in place of the last one with training rows."""
    deadly = type("Deadly", (Deadly,), {"marker": str(marker), "within": within})
    last = rows.where("train")[-1]
    parts = [deadly(*astuple(part)) if part == last else part for part in rows.parts]
    return StoredRows(rows.cluster, rows.project, rows.now, tuple(parts))


def test_what_a_worker_that_died_held_is_made_again(on_workers, loans, tmp_path):
    dataset = stored(tmp_path, World(3, START, 20, 200).frame(), START + 20 * DAY)
    rows = stored_rows_of(on_workers, loans, dataset)
    deadly = with_a_deadly_part(rows, tmp_path / "dead", "_labels")
    given = rows.borders, rows.where("train"), ()
    assert base_rate_on(deadly, given[0], deadly.where("train"), ()) == base_rate_on(rows, *given)
    assert (tmp_path / "dead").exists()


@pytest.mark.usefixtures("all_train")
def test_a_training_that_lost_a_worker_ends_in_the_same_text(on_workers, loans, tmp_path):
    dataset = stored(tmp_path, World(3, START, 20, 200).frame(), START + 20 * DAY)
    rows = stored_rows_of(on_workers, loans, dataset)
    want = train_on(rows).text
    assert train_on(with_a_deadly_part(rows, tmp_path / "dead", "construct")).text == want
    assert (tmp_path / "dead").exists()


def test_hardly_anything_of_the_rows_comes_here(on_workers, loans, tmp_path, monkeypatch):
    came, gather = [], Client.gather

    def weighed(self, *given, **more):
        found = gather(self, *given, **more)
        came.append(sizeof(found))
        return found

    monkeypatch.setattr(Client, "gather", weighed)
    frame = World(3, START, 20, 3_000).frame()
    rows = stored_rows_of(
        on_workers, quick(loans, rounds=5), stored(tmp_path, frame, START + 20 * DAY)
    )
    made = train_on(rows)
    model = made.text, made.card
    assert holdout_on(rows, model).n == paired_on(rows, model, model).n > 5_000
    assert 0 < sum(came) < frame.estimated_size() / 10


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("sixgates.adapters.engine.cluster._PATIENCE", "0.3s")
    with pytest.raises(TransientError, match=r"tcp://127.0.0.1:9 does not answer: start it with"):
        engine_of("tcp://127.0.0.1:9").count_files([], None, None, 1)


def test_a_worker_with_another_version_is_refused_by_name(scheduler, monkeypatch):
    monkeypatch.setattr(
        "sixgates.adapters.engine.cluster._here",
        lambda name: "0.1" if name == "lightgbm" else version(name),
    )
    named = pytest.raises(ConfigurationError, match=r"has lightgbm 4.* and the controller 0.1")
    with named, cluster_at(scheduler):
        pass


def test_a_worker_without_a_package_is_refused_by_name(scheduler, monkeypatch):
    monkeypatch.setattr("sixgates.adapters.engine.cluster._PACKAGES", ("dask", "not-anywhere"))
    monkeypatch.setattr("sixgates.adapters.engine.cluster._here", {"dask": version("dask")}.get)
    named = pytest.raises(ConfigurationError, match="has not-anywhere missing and")
    with named, cluster_at(scheduler):
        pass


def test_a_worker_that_dies_as_it_is_asked_is_no_mistake_of_a_person(scheduler, monkeypatch):
    monkeypatch.setattr("sixgates.adapters.engine.cluster._here", version)
    deadly = SimpleNamespace(version=dies)
    monkeypatch.setattr("sixgates.adapters.engine.cluster.metadata", deadly)
    with pytest.raises(TransientError, match="does not answer"), cluster_at(scheduler):
        pass


def dies(_package):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_panic_of_polars_on_a_worker_is_told_and_not_waited_for(on_workers):
    with pytest.raises(ContractError, match="Polars broke off in oldest on a worker"):
        on_workers.gather(on_workers.each(oldest, [pl.Series([5 - 2**63])]))


def oldest(counts):
    return counts.cast(pl.Datetime("us")).min()


def test_a_scheduler_without_workers_is_named():
    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        with pytest.raises(TransientError, match=f"{address} has no workers"), cluster_at(address):
            pass


def test_an_engine_is_local_or_an_address():
    assert Settings().engine == "local"
    with pytest.raises(ValueError, match="neither `local` nor the address"):
        Settings(engine="dask")
