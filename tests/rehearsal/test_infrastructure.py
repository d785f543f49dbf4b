"""The scenarios of infrastructure, played virtually."""

import pytest

from simulation.catalogue.infrastructure import INFRASTRUCTURE
from tests.rehearsal.played import played


@pytest.mark.parametrize("scenario", INFRASTRUCTURE, ids=lambda s: s.name)
def test_it_ends_as_it_must(scenario, tmp_path):
    result = played(scenario, tmp_path)
    assert result["actual"] == scenario.expected, result["reason"]
    assert result["ok"]
    assert result["failed_requests"] == 0
    assert result["proved"]
