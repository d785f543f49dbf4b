"""The automation of `deploy/killed-runs.yaml`: what was killed is `Crashed`, and holds no place."""

import subprocess
import sys
from importlib import import_module

import psutil
import pytest
import yaml
from prefect import Flow, flow
from prefect.settings.models.flows import FlowsSettings
from prefect.states import Completed

from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from tests.flows.a_country import ROOT, Country, speaking_with

pytestmark = pytest.mark.slow

DECLARED = yaml.safe_load((ROOT / "deploy" / "killed-runs.yaml").read_text())
WITHIN = 20
"""Seconds instead of the minutes of the file: none of the runs here gives a second sign of life."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def slow(home):
    """A project file that takes for ever."""
    (home / "slow.py").write_text("import time\n\ntime.sleep(600)\n")
    return str(home / "slow.py")


@pytest.fixture(scope="module")
def country(home):
    """A Prefect server with deployments, worker and automation, as the guide makes them."""
    with Processes(home / "logs", own_groups=True) as processes:
        stack = Stack(home, processes)
        stack.start_prefect()
        stack.wait_for_prefect(240.0)
        worker = stack.start_worker(stack.env)
        with speaking_with(stack.env["PREFECT_API_URL"]) as client:
            here = Country(stack, client, {})
            here.deploy()
            file = home / "killed-runs.yaml"
            file.write_text(
                yaml.safe_dump(DECLARED | {"trigger": {**DECLARED["trigger"], "within": WITHIN}})
            )
            command = [sys.executable, "-m", "prefect", "automation", "create", "--from-file", file]
            subprocess.run(command, env=stack.env, check=True, stdout=subprocess.DEVNULL)
            here.client, here.worker, here.env = client, worker, stack.env
            yield here


def test_a_tick_that_was_killed_with_its_worker_is_crashed_and_gives_its_place_back(country, slow):
    tick = country.client.read_deployment_by_name("each/tick").id
    given = {"step": "tick", "projects": [slow]}
    run = country.client.create_flow_run_from_deployment(tick, parameters=given).id
    country.wait_for(lambda: flows_at_work(country) == {"each", "release"})
    assert places_taken(country, tick) == 1

    killed = [country.worker, *psutil.Process(country.worker.pid).children(recursive=True)]
    for process in killed:  # the worker first: it would tell Prefect of the others' death
        process.kill()
    country.worker.wait()

    country.wait_for(lambda: not flows_at_work(country))
    state = country.client.read_flow_run(run).state
    assert (state.name, state.message) == ("Crashed", DECLARED["actions"][0]["message"])
    assert places_taken(country, tick) == 0


def test_a_run_without_a_worker_is_crashed_when_it_was_killed_and_one_that_ended_stays(
    country, slow
):
    flow(lambda: Completed(name="Quiet"), name="watch")()
    code = f"from flows.retrain import retrain; retrain({slow!r})"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=country.env) as process:
        country.wait_for(lambda: flows_at_work(country) == {"retrain"})
        process.kill()
    country.wait_for(lambda: not flows_at_work(country))
    assert states(country, "retrain") == ["Crashed"]
    assert states(country, "watch") == ["Quiet"]


def test_the_automation_knows_every_flow_and_waits_for_three_signs_of_life():
    modules = [import_module(f"flows.{p.stem}") for p in (ROOT / "flows").glob("[!_]*.py")]
    flows = {f.name for m in modules for f in vars(m).values() if isinstance(f, Flow)}
    trigger = DECLARED["trigger"]
    assert set(trigger["match_related"]["prefect.resource.name"]) == flows
    assert trigger["within"] > 3 * FlowsSettings().heartbeat_frequency


def flows_at_work(country):
    """Names of the flows of which a run is under way."""
    asked = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    found = country.client.request("POST", "/flows/filter", json=asked).json()
    return {flow["name"] for flow in found}


def states(country, flow):
    asked = {"flows": {"name": {"any_": [flow]}}}
    found = country.client.request("POST", "/flow_runs/filter", json=asked).json()
    return [run["state"]["name"] for run in found]


def places_taken(country, deployment):
    """How many of the runs of a deployment count as under way."""
    name = f"deployment:{deployment}"
    return country.client.request("GET", f"/v2/concurrency_limits/{name}").json()["active_slots"]
