"""A short form of `make fuzz-gateway`: some thousands of malformed requests, judged alike."""

import pytest

from tests.gateway.fuzz.case import MAKES
from tests.gateway.fuzz.kinds import draw, name_of
from tests.gateway.fuzz.run import EVERY, Run
from tests.gateway.fuzz.target import target

pytestmark = pytest.mark.slow
N = 4_000


def test_a_case_is_the_same_whenever_it_is_drawn():
    assert all(draw(7, number) == draw(7, number) for number in range(200))
    assert draw(7, 1) != draw(8, 1)


def test_every_kind_of_case_is_drawn():
    drawn = {name_of(1, number)[0] for number in range(20_000)}
    assert drawn == set(MAKES)


def test_no_malformed_request_does_harm(tmp_path):
    with target(tmp_path) as gateway:
        result = Run(gateway, seed=11, n=N, clients=3).play()
        assert result.faults == []
        assert gateway.stop() == []
    assert result.sent >= N
    assert gateway.good == N // EVERY + 2
