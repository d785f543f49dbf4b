"""An endpoint of SageMaker as it is: slow, of a team's own making, and without a lease."""

import sys
from dataclasses import replace

import pytest

from sixgates.adapters.projection import confirms
from sixgates.adapters.sagemaker_traffic import SageMakerTraffic
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger.route import Beside, Step, Version
from tests.adapters.traffic_towns import MODEL, deploy, sagemaker_town

pytestmark = pytest.mark.slow

ENDPOINT = "churn-live"


@pytest.fixture(scope="module")
def living(tmp_path_factory):
    home = tmp_path_factory.mktemp("sagemaker")
    with pytest.MonkeyPatch.context() as patch, sagemaker_town(home, patch) as town:
        yield town


@pytest.fixture
def town(living):
    living.server.plan()
    living.quiet()
    yield living
    living.server.plan()


def canary(town, share=0.25):
    return town.route(Step.CANARY, town.old, Beside(town.new, Arm.CANARY, share))


def described(town):
    endpoint = town.client.describe_endpoint(EndpointName=ENDPOINT)
    name = endpoint["EndpointConfigName"]
    return endpoint, town.client.describe_endpoint_config(EndpointConfigName=name)


def weights(town):
    variants = described(town)[0]["ProductionVariants"]
    return {v["VariantName"].partition("-")[0]: v["CurrentWeight"] for v in variants}


def test_an_endpoint_that_is_being_updated_is_gone_on_with_by_the_next_ticks(town):
    town.server.plan(looks=1)
    route = canary(town)
    with pytest.raises(TransientError, match=f"{ENDPOINT} is Updating .* for epoch {route.epoch}"):
        town.traffic.follow(MODEL, route.epoch)
    (served,) = town.followed(route)
    assert confirms(served, route)
    assert weights(town) == {"v1": 750_000, "v2": 250_000}


def test_a_version_is_asked_for_its_probes_before_it_answers_anybody(town):
    bad = Version("3", town.old.digest[::-1])
    deploy(town, bad, text=town.home / f"models/{MODEL}/{town.old.digest}.txt")
    card = town.store.get(MODEL, town.new.digest)[1]
    town.traffic._models = models = Cards(town.store, bad.digest, card)
    assert town.traffic.prove(MODEL, bad.digest) == []
    route = town.route(Step.CANARY, town.old, Beside(bad, Arm.CANARY, 0.25))
    for _ in range(2):
        with pytest.raises(ContractError, match="answers 0 of 16 probes as its trainer did"):
            town.traffic.follow(MODEL, route.epoch)
        assert weights(town) == {"v1": 1.0, "v3": 0.0}
    (served,) = town.traffic.serving(MODEL)
    assert not confirms(served, route)
    town.traffic._models = models.store


class Cards:
    """A store that has one card more."""

    def __init__(self, store, digest, card):
        self.store, self.digest, self.card = store, digest, card

    def get(self, model, digest):
        return ("", self.card) if digest == self.digest else self.store.get(model, digest)


def test_a_change_of_the_share_alone_moves_weights_and_makes_nothing(town):
    town.followed(canary(town, 0.05))
    before = described(town)[1]["EndpointConfigName"]
    town.followed(canary(town, 0.5))
    assert described(town)[1]["EndpointConfigName"] == before
    assert weights(town) == {"v1": 500_000, "v2": 500_000}


def test_a_shadow_is_a_shadow_variant(town):
    town.followed(town.route(Step.SHADOW, town.old, Beside(town.new, Arm.CANARY, 0.0)))
    endpoint, config = described(town)
    assert [v["ModelName"] for v in config["ProductionVariants"]] == [town.name(town.old)]
    assert [v["ModelName"] for v in config["ShadowProductionVariants"]] == [town.name(town.new)]
    assert endpoint["ShadowProductionVariants"][0]["CurrentWeight"] == 1.0


def test_what_a_team_chose_for_its_endpoint_stays(town):
    town.followed(canary(town))
    _, config = described(town)
    for variant in config["ProductionVariants"]:
        assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 2)
    assert config["DataCaptureConfig"]["DestinationS3Uri"] == "s3://captured/churn"


def test_as_many_instances_as_there_are_by_now_stay(town):
    assert resized(town, 7) == [7]
    town.followed(canary(town))
    assert resized(town) == [7, 7]
    town.followed(town.route(Step.ROLLED_BACK, town.old))
    assert resized(town) == [7]
    assert resized(town, 2) == [2]


def resized(town, count=None):
    """Give every variant so many instances, as autoscaling does, and say how many each has."""
    variants = described(town)[0]["ProductionVariants"]
    if count is not None:
        given = [{"VariantName": v["VariantName"], "DesiredInstanceCount": count} for v in variants]
        town.client.update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=given
        )
        variants = described(town)[0]["ProductionVariants"]
    return [v["DesiredInstanceCount"] for v in variants]


def test_a_rollback_takes_the_traffic_at_once_and_the_fleet_afterwards(town):
    town.followed(canary(town))
    town.server.plan(looks=1)
    route = town.route(Step.ROLLED_BACK, town.old)
    with pytest.raises(TransientError, match="is Updating"):
        town.traffic.follow(MODEL, route.epoch)
    town.client.describe_endpoint(EndpointName=ENDPOINT)
    assert weights(town) == {"v1": 1_000_000, "v2": 0}
    (served,) = town.followed(route)
    assert confirms(served, route)
    assert weights(town) == {"v1": 1.0}


def test_an_update_that_fails_is_said_and_tried_again(town):
    route = canary(town)
    town.server.plan(looks=1, fails="no instances of ml.m5.large")
    with pytest.raises(TransientError, match="is Updating"):
        town.traffic.follow(MODEL, route.epoch)
    town.client.describe_endpoint(EndpointName=ENDPOINT)
    assert not confirms(town.traffic.serving(MODEL)[0], route)
    with pytest.raises(TransientError, match=r"update before failed: no instances of ml\.m5"):
        town.traffic.follow(MODEL, route.epoch)
    town.server.plan()
    assert confirms(town.followed(route)[0], route)


def test_what_somebody_did_to_it_is_not_confirmed_and_is_put_right(town):
    route = canary(town)
    (served,) = town.followed(route)
    variants = [v["VariantName"] for v in described(town)[0]["ProductionVariants"]]
    given = [{"VariantName": name, "DesiredWeight": 1.0} for name in variants]
    town.client.update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT, DesiredWeightsAndCapacities=given
    )
    (other,) = town.traffic.serving(MODEL)
    assert (other.share, confirms(other, route)) == (0.5, False)
    assert town.followed(route) == [served]
    town.client.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="theirs")
    (other,) = town.traffic.serving(MODEL)
    assert (other.champion, other.epoch) == ("", 0)
    assert town.followed(route) == [served]


@pytest.mark.parametrize("before", [0.0, 0.05])
def test_what_somebody_put_beside_both_gives_its_traffic_to_the_champion_alone(town, before):
    route = canary(town, 0.05)
    town.followed(route)
    config = described(town)[1]
    variants = [{**v, "InitialVariantWeight": w} for v, w in zip(
        config["ProductionVariants"], (0.9 - before, before), strict=True,
    )]  # fmt: skip
    theirs = {**variants[0], "VariantName": "theirs", "InitialVariantWeight": 0.1}
    name = f"theirs-{round(100 * before)}"
    town.client.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[*variants, theirs]
    )
    town.client.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=name)
    town.client.describe_endpoint(EndpointName=ENDPOINT)
    town.server.plan(looks=1)
    with pytest.raises(TransientError, match="is Updating"):
        town.traffic.follow(MODEL, route.epoch)
    town.client.describe_endpoint(EndpointName=ENDPOINT)
    assert weights(town) == {"v1": 1_000_000, "v2": 0, "theirs": 0}
    (served,) = town.followed(route)
    assert confirms(served, route)


def test_an_endpoint_that_is_deleted_meanwhile_is_for_the_next_tick(town, monkeypatch):
    def make_and_delete(*given):
        made(*given)
        town.client.delete_endpoint(EndpointName=ENDPOINT)

    made = town.traffic._make
    monkeypatch.setattr(town.traffic, "_make", make_and_delete)
    route = canary(town)
    try:
        with pytest.raises(TransientError, match="updating the endpoint churn-live"):
            town.traffic.follow(MODEL, route.epoch)
        assert town.traffic.follow(MODEL, route.epoch) == []
    finally:
        town.client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="theirs")


def test_a_model_that_is_not_there_yet_is_waited_for(town):
    with pytest.raises(TransientError, match="no SageMaker model churn-abababababab yet"):
        town.traffic.prove(MODEL, "ab" * 32)
    late = Beside(Version("9", "ab" * 32), Arm.CANARY, 0.1)
    route = town.route(Step.CANARY, town.old, late)
    with pytest.raises(TransientError, match="no SageMaker model churn-abababababab yet"):
        town.traffic.follow(MODEL, route.epoch)
    assert weights(town) == {"v1": 1.0}


def test_a_model_of_another_digest_is_refused(town):
    version = replace(town.old, digest=town.old.digest[:12] + "0" * 52)
    (refusal,) = town.traffic.prove(MODEL, version.digest)
    assert "in its tag sixgates:digest and not" in refusal
    route = town.route(Step.CANARY, town.new, Beside(version, Arm.HOLDBACK, 0.1))
    with pytest.raises(ContractError, match="make it from that version"):
        town.traffic.follow(MODEL, route.epoch)


def test_a_share_that_cannot_be_read_back_is_refused(town):
    route = canary(town, 1 / 3)
    with pytest.raises(ConfigurationError, match="more than six decimals"):
        town.traffic.follow(MODEL, route.epoch)


def test_it_is_chosen_by_a_setting(tmp_path):
    settings = Settings(home=tmp_path, traffic="sagemaker:{model}-live")
    traffic = build(settings).traffic
    assert isinstance(traffic, SageMakerTraffic)
    assert traffic._endpoint("loans_small") == "loans-small-live"
    assert traffic._name("loans", "ab" * 32) == "loans-abababababab"


def test_a_name_that_sagemaker_would_not_take_is_refused_and_not_cut(tmp_path):
    traffic = build(Settings(home=tmp_path, traffic="sagemaker:{model}-live")).traffic
    longest = "m" * 50
    assert traffic._name(longest, "ab" * 32) == f"{longest}-abababababab"
    with pytest.raises(ConfigurationError, match=r"64 letters of .* SIXGATES_SAGEMAKER_MODEL"):
        traffic._name(f"{longest}m", "ab" * 32)
    with pytest.raises(ConfigurationError, match=r"68 letters of .* SIXGATES_TRAFFIC"):
        traffic.serving("m" * 63)


@pytest.mark.parametrize(
    ("name", "value"),
    [("TRAFFIC", "sagemaker"), ("TRAFFIC", "vertex:x"), ("TRAFFIC", "sagemaker:{version}"),
     ("SAGEMAKER_MODEL", "{model}"), ("SAGEMAKER_MODEL", "{digest}{")],
)  # fmt: skip
def test_another_setting_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"SIXGATES_{name}", value)
    with pytest.raises(ConfigurationError, match=f"SIXGATES_{name}: "):
        build()


def test_without_boto3_it_says_what_to_install(monkeypatch, town):
    monkeypatch.setitem(sys.modules, "boto3", None)
    traffic = SageMakerTraffic(town.ledger, town.store, "{model}", "{digest}")
    with pytest.raises(ConfigurationError, match=r"sixgates\[sagemaker\]"):
        traffic.serving(MODEL)
