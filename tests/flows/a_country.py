"""Towns with a Prefect server, the deployments of this repository, and a worker that runs them."""

import time
from contextlib import contextmanager
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.watch import watch
from sixgates.adapters.events import DRIFT_DETECTED, emit_drift_event
from sixgates.ledger.ledger import Kind
from tests.conftest import found

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 420.0
"""Seconds until something is given up that takes a few of them on a quiet machine."""
PAUSE = 1.0
"""Seconds between two questions: each costs the server, which shares the machine."""
REMINDER = 90.0
"""Seconds after which the watch looks again: Prefect may lose an event where SQLite is busy."""
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Country:
    """Some towns, and what Prefect makes of their alerts."""

    def __init__(self, stack, client, towns):
        self._stack, self._client, self.towns = stack, client, towns

    def at(self, day):
        """Move the one clock of all."""
        next(iter(self.towns.values())).at(day)

    def deploy(self):
        """Register what `prefect.yaml` says, as a person does."""
        self.wait_for(lambda: "sixgates" in {p["name"] for p in self._ask("/work_pools/filter")})
        self._stack.deploy(ROOT)

    def forget_the_automation(self):
        """Do what each deploy does before it makes the automation anew."""
        owner = f"prefect.deployment.{self._deployment('retrain/on-drift')}"
        self._client.delete_resource_owned_automations(owner)
        self.wait_for(lambda: self._ask("/automations/filter") == [])

    def alert(self, name):
        """Put an alert on record, as the watch does, and return its number."""
        town = self.towns[name]
        now = town.outside.clock.now()
        return town.ledger.append(town.model, Kind.ALERT, at=now, reason="it moved", body={})

    def announce(self, name, alert, data=None):
        """Send the event of an alert, as the watch does."""
        town = self.towns[name]
        payload = {"project": town.path, "data": data, "alert": alert, "reason": "it moved"}
        emit_drift_event(town.model, payload)

    def look(self, name):
        """Let the watch look, on the worker: as a schedule with this parameter starts it."""
        path, deployment = self.towns[name].path, self._deployment("each/watch")
        given = {"projects": [path]}
        run = self._client.create_flow_run_from_deployment(deployment, parameters=given)
        return self.wait_for(lambda: self._end_of(run.id))

    def events(self, *names):
        """How many of these events about towns the server has."""
        resources = [f"sixgates.model.{self.towns[name].model}" for name in names]
        asked = {"event": {"name": [DRIFT_DETECTED]}, "resource": {"id": resources}}
        return self._ask("/events/filter", filter=asked, limit=1)["total"]

    def runs(self, *alerts):
        """The runs that the automation started for alerts."""
        runs = self._ask("/flow_runs/filter", deployments={"name": {"any_": ["on-drift"]}})
        return [run for run in runs if run["parameters"]["alert"] in alerts]

    def ended(self, alert):
        """The names under which the runs of an alert ended."""
        return sorted(run["state"]["name"] for run in self.runs(alert))

    def began(self, *alerts):
        """The alerts for which runs began, by the ledger: as often as they did."""
        towns = self.towns.values()
        entries = [e for town in towns for e in town.ledger.entries(town.model, kind=Kind.RUN)]
        return sorted(e.body["alert"] for e in entries if e.body["alert"] in alerts)

    def ending(self, name, alert):
        """How the run for an alert of a town ended, by the ledger."""
        return dict(self.towns[name].answers()).get(alert)

    def wait_for_answers(self, **alerts):
        """Wait until the runs of these alerts have ended; meanwhile the watch looks again."""
        reminded = time.monotonic()

        def answered():
            nonlocal reminded
            runs = self.runs(*alerts.values())
            asked = {run["parameters"]["alert"] for run in runs}
            if time.monotonic() > reminded + REMINDER:
                reminded = time.monotonic()
                for name in [name for name, alert in alerts.items() if alert not in asked]:
                    watch(self.towns[name].path)
            ended = all(run["state"]["type"] in ENDED for run in runs)
            return ended and asked == set(alerts.values())

        self.wait_for(answered)

    def wait_for(self, what):
        """Wait until something holds, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not (seen := what()):
            assert time.monotonic() < deadline, "see the logs of the worker and of the server"
            time.sleep(PAUSE)
        return seen

    def _deployment(self, name):
        return self._client.read_deployment_by_name(name).id

    def _end_of(self, run):
        state = self._client.read_flow_run(run).state
        return state if state.is_final() else None

    def _ask(self, path, **asked):
        return self._client.request("POST", path, json=asked).json()


@contextmanager
def speaking_with(url):
    """Let flows and events of this process reach a server, and no longer another one."""
    EventsWorker.drain_all()
    settings = {PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(settings), get_client(sync_client=True) as client:
        yield client
        EventsWorker.drain_all()


def settled(folder, name, **overrides):
    """Build a town in a folder of its own; its project file names its data."""
    (folder / name).mkdir()
    town = found(folder / name, name, **overrides)
    with Path(town.path).open("a") as file:
        file.write(f'project = project.model_copy(update={{"source": {town.data!r}}})\n')
    return town
