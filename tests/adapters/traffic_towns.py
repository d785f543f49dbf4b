"""Places where models are served, for what every `Traffic` has to do alike.

Each has a ledger with one route, whose champion serves alone, and two versions that can.
"""

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import boto3
from pydantic import SecretStr

import sixgates
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.lightgbm_trainer import train
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.sagemaker_traffic import SageMakerTraffic
from sixgates.gates.errors import TransientError
from sixgates.ledger.leases import canary_lease
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route, Step, Version
from tests.adapters.conftest import make_project, make_rows, make_split
from tests.aws import aws

MODEL = "churn"
AT = datetime(2026, 2, 1)  # noqa: DTZ001 - event time is naive UTC
ROLE = "arn:aws:iam::123456789012:role/serving"
SERVE = """
import sys
from pathlib import Path
from sixgates.gateway.server import serve
url, home = sys.argv[1:]
serve(model="churn", ledger_url=url, store=Path(home, "models"), log_dir=Path(home, "log"),
      token="s3cret")
"""


class Town:
    """A ledger, two versions, and a traffic to be tried."""

    def __init__(self, home, traffic):
        self.home = home
        self.ledger = Ledger(f"sqlite:///{home}/ledger.db")
        self.store = ModelStore(home / "models")
        self.old, self.new = (self._trained(number, seed) for number, seed in (("1", 3), ("2", 4)))
        self.traffic = traffic(self)

    def _trained(self, number, seed):
        trained = train(make_project(), make_split(make_rows(seed=seed)))
        self.store.put(trained.text, trained.card)
        return Version(number, trained.card.digest)

    def route(self, step, champion, beside=None):
        """Put the next route on record."""
        epoch = len(self.ledger.routes(MODEL)) + 1
        route = Route(MODEL, epoch, step, champion, beside, "r", AT, "test", "test")
        self.ledger.append_route(route)
        self.ledger.take(canary_lease(MODEL), "ticks", 600.0)
        return route

    def quiet(self):
        """Let the first version serve alone, and everybody know."""
        return self.followed(self.route(Step.ROLLED_BACK, self.old))

    def followed(self, route, tries=20):
        """Follow as ticks do, until it is done."""
        for _ in range(tries):
            with suppress(TransientError):
                return self.traffic.follow(MODEL, route.epoch)
        return self.traffic.follow(MODEL, route.epoch)


@contextmanager
def gateway_town(home):
    """Serve from one gateway process."""
    town = Town(home, lambda town: GatewayTraffic(town.ledger, SecretStr("s3cret")))
    town.another_key = lambda: GatewayTraffic(town.ledger, SecretStr("other"))

    def dead():
        town.ledger.announce("dead", "http://127.0.0.1:1")
        return town.traffic, "dead"

    town.dead = dead
    town.route(Step.COLD_START, town.old)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, f"sqlite:///{home}/ledger.db", str(home)],
        env={**os.environ, "PYTHONPATH": str(Path(sixgates.__file__).parents[1])},
    )
    try:
        deadline = time.monotonic() + 60
        while not town.ledger.gateways(MODEL) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        yield town
    finally:
        process.terminate()
        process.wait(timeout=15)
        town.ledger.close()


@contextmanager
def sagemaker_town(home, monkeypatch):
    """Serve from an endpoint that a team has made, with a model of its own."""

    def traffic(town):
        return SageMakerTraffic(town.ledger, town.store, "{model}-live", "{model}-{digest}")

    with aws(monkeypatch) as server:
        town = Town(home, traffic)
        town.server, town.client = server, boto3.client("sagemaker")
        town.name = lambda version: f"{MODEL}-{version.digest[:12]}"

        @contextmanager
        def another_key():
            with server.keys_are_checked():
                yield

        def dead():
            with monkeypatch.context() as gone:
                gone.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
                traffic = SageMakerTraffic(town.ledger, town.store, "{model}", "{digest}")
                assert traffic._clients
            return traffic, MODEL

        town.dead, town.keys = dead, another_key
        deploy(town, replace(town.old, number="theirs"), name="theirs")
        for version in (town.old, town.new):
            deploy(town, version)
        town.client.create_endpoint_config(
            EndpointConfigName="theirs",
            ProductionVariants=[{
                "VariantName": "all", "ModelName": "theirs", "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
            }],
            DataCaptureConfig={
                "EnableCapture": True, "InitialSamplingPercentage": 100,
                "DestinationS3Uri": "s3://captured/churn",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            },
        )  # fmt: skip
        town.client.create_endpoint(EndpointName="churn-live", EndpointConfigName="theirs")
        town.route(Step.COLD_START, town.old)
        yield town
        town.ledger.close()


def deploy(town, version, *, name="", text=None):
    """Make the SageMaker model of a version, as a team's deployment does."""
    text = text or town.home / f"models/{MODEL}/{version.digest}.txt"
    town.client.create_model(
        ModelName=name or town.name(version), ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": "mlflow-pyfunc", "ModelDataUrl": "s3://models/x.tar.gz",
            "Environment": {"TEXT": str(text)},
        },
        Tags=[{"Key": "sixgates:digest", "Value": version.digest}],
    )  # fmt: skip
