"""The wiring in prefect.yaml: a change shows up here before it does in production."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml

DECLARED = yaml.safe_load((Path(__file__).resolve().parents[2] / "prefect.yaml").read_text())
DEPLOYMENTS = {d["name"]: d for d in DECLARED["deployments"]}


def test_the_set_of_deployments():
    assert {name: d["entrypoint"] for name, d in DEPLOYMENTS.items()} == {
        "by-hand": "flows/retrain.py:retrain",
        "on-schedule": "flows/each.py:each",
        "on-drift": "flows/retrain.py:retrain",
        "watch": "flows/each.py:each",
        "freshness": "flows/each.py:each",
        "tick": "flows/each.py:each",
        "compact": "flows/each.py:each",
        "approve": "flows/approve.py:approve",
        "reject": "flows/approve.py:reject",
        "six-gates": "flows/six_gates.py:six_gates",
    }


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_names_a_flow_and_parameters_that_it_takes(name):
    declared = DEPLOYMENTS[name]
    path, function = declared["entrypoint"].split(":")
    flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), function)
    taken = set(inspect.signature(flow.fn).parameters)
    assert set(declared["parameters"]) <= taken
    for started_by in [*declared.get("triggers", []), *declared.get("schedules", [])]:
        assert set(started_by.get("parameters", {})) <= taken


def test_nothing_runs_by_itself_before_somebody_wants_it():
    schedules = [s for d in DECLARED["deployments"] for s in d.get("schedules", [])]
    assert [s["active"] for s in schedules] == [False] * 5


def test_a_storm_of_drift_events_starts_one_run_a_model():
    (trigger,) = DEPLOYMENTS["on-drift"]["triggers"]
    assert trigger["expect"] == ["sixgates.drift.detected"]
    assert trigger["match"] == {"prefect.resource.id": "sixgates.model.*"}
    assert trigger["for_each"] == ["prefect.resource.id"]
    assert (trigger["posture"], trigger["threshold"]) == ("Reactive", 1)
    assert trigger["within"] > 0  # zero makes a run of every event
    # A run that is cancelled for another model's sake would be a retrain that nobody makes.
    assert DEPLOYMENTS["on-drift"]["concurrency_limit"]["collision_strategy"] == "ENQUEUE"


@pytest.mark.parametrize("name", ["approve", "reject"])
def test_who_decides_and_why_must_be_typed_in(name):
    assert set(DEPLOYMENTS[name]["parameters"]) == {"project"}
    flow = getattr(importlib.import_module("flows.approve"), name)
    assert {"project", "reason", "by"} <= set(flow.parameters.required)


@pytest.mark.parametrize(("name", "places"), [("tick", 2), ("compact", 1)])
def test_what_runs_all_the_time_never_piles_up(name, places):
    limit = DEPLOYMENTS[name]["concurrency_limit"]
    assert limit == {"limit": places, "collision_strategy": "CANCEL_NEW"}


def test_no_flow_file_bears_the_name_of_a_package():
    taken = {"cli", "flows", "projects", "simulation", "sixgates", "tasks", "tests"}
    taken |= {"prefect", "mlflow", "polars", "lightgbm", "pandera", "numpy", "pydantic"}
    taken |= {"deltalake"}
    files = {p.stem for p in (Path(__file__).resolve().parents[2] / "flows").glob("*.py")}
    assert not files & taken
