"""The core scenarios, played virtually."""

import pytest

from simulation.catalogue.core import CORE
from tests.rehearsal.played import played

PLAYED_BESIDE_THE_REAL_ONES = {"healthy-drift", "canary-regression"}
"""By `tests/cli/test_rehearse.py`."""


@pytest.mark.parametrize(
    "scenario", [s for s in CORE if s.name not in PLAYED_BESIDE_THE_REAL_ONES], ids=lambda s: s.name
)
def test_it_ends_as_it_must(scenario, tmp_path):
    result = played(scenario, tmp_path)
    assert result["actual"] == scenario.expected, result["reason"]
    assert result["ok"]
    assert result["failed_requests"] == 0
    assert result["proved"]
