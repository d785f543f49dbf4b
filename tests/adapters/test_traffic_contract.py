"""What every `Traffic` does alike: our gateways, and an endpoint of SageMaker."""

from contextlib import nullcontext

import pytest

from sixgates.adapters.projection import confirms
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger.route import Beside, Step
from tests.adapters.traffic_towns import MODEL, gateway_town, sagemaker_town

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["gateway", "sagemaker"])
def town(request, tmp_path_factory):
    home = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        own = gateway_town(home) if request.param == "gateway" else sagemaker_town(home, patch)
        with own as town:
            yield town


@pytest.fixture
def quiet(town):
    """Its champion serves alone."""
    (served,) = town.quiet()
    return served


def test_a_champion_serves_alone(town, quiet):
    assert (quiet.champion, quiet.champion_digest) == (town.old.number, town.old.digest)
    assert (quiet.beside, quiet.beside_digest, quiet.arm, quiet.share) == ("", "", "", 0.0)
    assert confirms(quiet, town.ledger.route(MODEL))


@pytest.mark.usefixtures("quiet")
def test_a_release_goes_from_the_shadow_to_the_promotion(town):
    for step, champion, version, arm, share in (
        (Step.SHADOW, town.old, town.new, Arm.CANARY, 0.0),
        (Step.CANARY, town.old, town.new, Arm.CANARY, 0.01),
        (Step.CANARY, town.old, town.new, Arm.CANARY, 0.25),
        (Step.CANARY, town.old, town.new, Arm.CANARY, 0.05),
        (Step.PROMOTED, town.new, town.old, Arm.HOLDBACK, 0.05),
        (Step.CONFIRMED, town.new, None, None, None),
    ):
        beside = version and Beside(version, arm, share)
        route = town.route(step, champion, beside)
        (served,) = town.followed(route)
        assert confirms(served, route)
        assert (served.champion, served.epoch) == (champion.number, route.epoch)
        if version:
            assert (served.beside, served.arm, served.share) == (version.number, arm, share)
        assert town.traffic.serving(MODEL) == [served]


@pytest.mark.parametrize("share", [0.0, 0.25])
@pytest.mark.usefixtures("quiet")
def test_a_rollback_leaves_the_champion_alone(town, share):
    town.followed(town.route(Step.CANARY, town.old, Beside(town.new, Arm.CANARY, share)))
    (served,) = town.followed(town.route(Step.ROLLED_BACK, town.old))
    assert (served.champion_digest, served.beside, served.share) == (town.old.digest, "", 0.0)
    assert confirms(served, town.ledger.route(MODEL))


@pytest.mark.usefixtures("quiet")
def test_to_follow_again_changes_nothing(town):
    route = town.route(Step.CANARY, town.old, Beside(town.new, Arm.CANARY, 0.25))
    once = town.followed(route)
    assert town.traffic.follow(MODEL, route.epoch) == once
    assert town.traffic.follow(MODEL, route.epoch) == once


def test_what_followed_an_older_route_does_not_confirm_the_newest(town, quiet):
    route = town.route(Step.ROLLED_BACK, town.old)
    assert not confirms(quiet, route)
    assert confirms(town.followed(route)[0], route)


@pytest.mark.usefixtures("quiet")
def test_a_version_that_can_serve_is_proved_and_it_says_how(town):
    assert town.traffic.prove(MODEL, town.new.digest) == []
    assert "probes" in town.traffic.proved(MODEL, town.new.digest)


@pytest.mark.usefixtures("quiet")
def test_a_version_that_is_nowhere_is_not_proved(town):
    try:
        said = town.traffic.prove(MODEL, "0" * 64)
    except TransientError as exc:  # SageMaker may have it in a minute.
        said = [str(exc)]
    assert "0" * 12 in said[0]


def test_where_nothing_serves_nothing_is_proved_and_nothing_follows(town):
    with pytest.raises(TransientError, match="serves fraud: "):
        town.traffic.prove("fraud", town.old.digest)
    assert town.traffic.follow("fraud", 1) == []
    assert town.traffic.serving("fraud") == []


@pytest.mark.parametrize("ask", ["serving", "follow"])
def test_what_does_not_answer_is_tried_again(town, ask):
    traffic, model = town.dead()
    with pytest.raises(TransientError, match="did not answer"):
        traffic.serving(model) if ask == "serving" else traffic.follow(model, 1)


def test_what_refuses_us_is_for_a_person(town):
    traffic = town.another_key() if hasattr(town, "another_key") else town.traffic
    keys = town.keys() if hasattr(town, "keys") else nullcontext()
    with keys, pytest.raises(ConfigurationError, match="refused"):
        traffic.follow(MODEL, 1)
