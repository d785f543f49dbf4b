"""A virtual world: plain tasks, a gateway without a socket, and everything put back afterwards."""

import dataclasses
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from prefect import Task, task

from cli.rehearsal.history import play_history
from cli.rehearsal.scenes import play_scenario
from cli.rehearsal.virtual.flows import plain_tasks, played
from cli.rehearsal.virtual.gateway import InProcessTraffic
from cli.rehearsal.virtual.theatre import VirtualTheatre, virtual_stage, virtual_world
from flows.release import release
from flows.watch import watch
from simulation.catalogue.common import LIVE, START
from simulation.scenario import End, Scenario, project_file
from simulation.world import World
from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.ledger.ledger import Kind
from tasks import record
from tasks.retry import TRANSIENT

NOON = datetime(2026, 1, 5, 12)  # noqa: DTZ001 - naive UTC


def small(name="small", days=2):
    return Scenario(
        name=name, teaches="Little.", expected=End.NOTHING, live_from_day=LIVE,
        world=World(seed=3, start=START, days=LIVE + days, rows_per_day=200),
    )  # fmt: skip


def theatre(scenario, home, world):
    path, data = home / "small.py", home / "small.parquet"
    path.write_text(project_file(scenario))
    scenario.frame().write_parquet(data)
    return VirtualTheatre(load_project(str(path)), str(path), str(data), world)


def test_tasks_meet_the_virtual_world_and_afterwards_the_real_one(tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path / "real"))
    called, shown = Task.__call__, record.create_markdown_artifact
    with virtual_world(tmp_path / "virtual") as world:
        assert build() is world
        assert Task.__call__ is not called
    assert build() is not world
    assert build().settings.home == tmp_path / "real"
    assert (Task.__call__, record.create_markdown_artifact) == (called, shown)


def test_settings_of_the_environment_do_not_reach_it(tmp_path, monkeypatch):
    for name in ("LEDGER_URL", "NOTIFY", "MLFLOW_URI", "TOKENS", "GATEWAY_TOKEN"):
        monkeypatch.setenv(f"SIXGATES_{name}", str(tmp_path / "production"))
    monkeypatch.setenv("SIXGATES_ENGINE", "tcp://production:8786")
    with virtual_world(tmp_path / "virtual") as world:
        said = world.settings.model_dump_json() + world.settings.notify.get_secret_value()
        assert "production" not in said


@pytest.mark.parametrize(("failures", "tries"), [(3, 4), (0, 1)])
def test_a_task_is_tried_again_as_often_as_it_says(failures, tries):
    calls = []

    @task(**TRANSIENT)
    def stubborn():
        calls.append(1)
        if len(calls) <= failures:
            raise TransientError("not yet")
        return "done"

    with plain_tasks():
        assert stubborn() == "done"
    assert len(calls) == tries


def test_a_task_is_not_tried_again_after_what_a_person_must_mend():
    calls = []

    @task(**TRANSIENT)
    def broken():
        calls.append(1)
        raise ConfigurationError("mend it")

    with plain_tasks(), pytest.raises(ConfigurationError):
        broken()
    assert len(calls) == 1


def test_a_flow_that_breaks_is_on_record_and_raised(tmp_path):
    with virtual_world(tmp_path) as world:
        here = theatre(small(), tmp_path, world)
        here.set_clock(NOON)
        with pytest.raises(ConfigurationError):
            played(watch, here.path, here._data)  # there is no champion yet
        (notice,) = world.ledger.entries("loans-small", kind=Kind.NOTICE)
    assert notice.body == {"case": "broken flow", "about": "watch"}


def test_the_gateway_serves_what_the_ledger_says_and_logs_what_it_answers(tmp_path):
    scenario = small()
    with virtual_world(tmp_path) as world:
        here, frame = theatre(scenario, tmp_path, world), scenario.frame()
        here.set_clock(scenario.world.moment(LIVE))
        here.retrain("first model")
        here.open_gateway()
        with here.replay(frame) as replay:
            sent = replay.send(scenario.world.rows_of(frame, LIVE))
            known = replay.send_labels(scenario.world.rows_of(frame, LIVE))
        here.set_clock(scenario.world.moment(LIVE + 3))
        logged = world.log.predictions("loans-small", START)
        assert (sent.failed, known) == (0, 200)
        assert logged["values"].list.first().to_list() == sent.predictions.tolist()
        assert world.log.labels("loans-small").height == 200
        assert here.serving()[0]["champion"] == "1"
        assert played(release, here.path).name == "Idle"


def test_a_scenario_that_ends_otherwise_is_not_ok(tmp_path):
    scenario = dataclasses.replace(small(), expected=End.CONFIRMED)
    with virtual_world(tmp_path) as world:
        result = play_scenario(
            scenario, tmp_path, lambda p, a, d: VirtualTheatre(p, a, d, world), lambda _: None
        )
    assert (result["actual"], result["ok"]) == (End.NOTHING, False)


def test_a_scenario_without_a_day_of_traffic_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="has no day of traffic"):
        play_scenario(small(days=0), tmp_path, VirtualTheatre, lambda _: None)


def test_a_play_is_proved_by_every_gateway_and_not_by_the_first_alone(tmp_path, monkeypatch):
    serving = InProcessTraffic.serving

    def of_two(traffic, model):
        found = serving(traffic, model)
        return found + [dataclasses.replace(one, url="http://behind", epoch=0) for one in found]

    monkeypatch.setattr(InProcessTraffic, "serving", of_two)
    with virtual_stage(tmp_path) as stage:
        result = play_scenario(small(), tmp_path, stage, lambda _: None)
    assert result["actual"] == End.NOTHING
    assert (result["proved"], result["ok"]) == (False, False)
    assert result["gateways"][1] == "http://behind"


def test_runs_are_numbered_so_that_a_play_is_the_same_every_time(tmp_path):
    names = []
    for home in ("one", "two"):
        with virtual_world(tmp_path / home) as world:
            here = theatre(small(), tmp_path / home, world)
            here.set_clock(small().world.moment(LIVE))
            here.retrain("first model")
            names.append(here.route().release)
    assert names[0] == names[1]


def test_a_history_is_replayed_without_servers(tmp_path):
    world = World(seed=3, start=START, days=25, rows_per_day=410)
    world.frame().write_parquet(tmp_path / "history.parquet")
    with virtual_stage(tmp_path / "home") as stage:
        result = play_history("loans", str(tmp_path / "history.parquet"), stage, lambda _: None)
    assert (result["project"], result["rows"]) == ("loans", 25 * 410)
    assert (result["failed_requests"], result["proved"]) == (0, True)
    assert sum(day["n"] for day in result["daily"]) == 20 * 410
    served = sum(day["served"] * day["n"] for day in result["daily"]) / (20 * 410)
    assert result["loss_served"] == pytest.approx(served, rel=1e-9)  # however small losses are
    assert result["loss_served"] < 0.25


def test_of_many_rows_without_an_event_time_gate_1_speaks(tmp_path):
    frame = World(seed=3, start=START, days=25, rows_per_day=660).frame()
    timeless = pl.int_range(pl.len()) % 3 == 0
    frame.with_columns(ts=pl.when(~timeless).then("ts")).write_parquet(tmp_path / "h.parquet")
    refused = pytest.raises(ConfigurationError, match=r"refused: .*by event_time \(5,500\)")
    with virtual_stage(tmp_path / "home") as stage, refused:
        play_history("loans", str(tmp_path / "h.parquet"), stage, lambda _: None)


OWN_TIME = """
import pandera.polars as pa
import polars as pl
from projects.loans import project as base

known = {"known": pa.Column(pl.Datetime("us"), nullable=True)}
roles = base.roles.model_copy(update={"label_horizon": None, "label_time": "known"})
contract = base.contract.add_columns(known)
project = base.model_copy(update={"contract": contract, "roles": roles})
"""


def test_a_history_whose_labels_tell_their_own_time_is_replayed_in_that_order(tmp_path):
    project, data = tmp_path / "own_time.py", tmp_path / "history.parquet"
    project.write_text(OWN_TIME)
    frame = World(seed=3, start=START, days=25, rows_per_day=410).frame()
    after = np.random.default_rng(3).exponential(21_600, frame.height)
    known = pl.col("ts") + pl.duration(seconds=pl.lit(pl.Series(after)))
    frame.with_columns(known=known).write_parquet(data)
    with virtual_world(tmp_path / "home") as world:
        result = play_history(
            str(project), str(data), lambda p, a, d: VirtualTheatre(p, a, d, world), lambda _: None
        )
        labels = world.log.labels("loans")
    assert (result["failed_requests"], result["proved"]) == (0, True)
    sent, end = (
        frame.select(known)[5 * 410 :].to_series(),
        frame["ts"][5 * 410] + timedelta(days=20),
    )
    assert labels.height == (sent <= end).sum()


THREE = """
import pandera.polars as pa
import polars as pl
from projects.loans import project as base
from sixgates.gates.card import Task
from sixgates.gates.policy import Policies

policies = base.policies.model_dump()
policies["canary"]["prediction_margin"] = policies["monitor"]["prediction_margin"] = None
policies["comparison"]["margin"] = policies["canary"]["margin"] = 0.05
contract = base.contract.update_column("defaulted", dtype=pl.String, checks=[])
update = {"task": Task.MULTICLASS, "contract": contract, "policies": Policies(**policies)}
project = base.model_copy(update=update)
"""


def test_what_a_new_class_cost_is_told_in_the_classes_of_who_answered(tmp_path):
    project, data = tmp_path / "three.py", tmp_path / "history.parquet"
    project.write_text(THREE)
    frame = World(seed=3, start=START, days=45, rows_per_day=250).frame()
    late = (pl.col("ts") > START + timedelta(days=12)) & (pl.col("utilisation") > 0.5)
    label = pl.when(late).then(pl.lit("late")).otherwise(pl.col("defaulted").cast(pl.String))
    frame.with_columns(defaulted=label).write_parquet(data)
    with virtual_stage(tmp_path / "home") as stage:
        result = play_history(str(project), str(data), stage, print)
    assert result["serving"]["champion"] != "1"
    assert result["loss_served"] < result["loss_never"] - 0.03
