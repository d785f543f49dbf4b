"""How plays are dealt to two processes."""

import pytest

from cli.rehearsal.job import TRIGGERED, Job
from cli.rehearsal.lanes import _parts
from simulation.catalogue import CATALOGUE
from simulation.catalogue.core import CORE


@pytest.mark.parametrize(
    ("plays", "sizes"),
    [((TRIGGERED,), [1]), ((TRIGGERED, "a"), [1, 1]), (("a", "b", "c"), [2, 1]),
     (tuple(s.name for s in CORE), [1, 5])],
)  # fmt: skip
def test_the_triggered_play_is_first_and_takes_as_long_as_six_others(plays, sizes):
    parts = _parts(Job(scenarios=plays))
    assert [len(part) for part in parts] == sizes
    assert sorted(name for part in parts for name in part) == sorted(plays)
    assert (TRIGGERED in plays) == (parts[0][0] == TRIGGERED)


def test_of_the_whole_catalogue_both_processes_play_about_half():
    first, second = _parts(Job(scenarios=tuple(s.name for s in CATALOGUE)))
    assert len(first) + 5 == pytest.approx(len(second), abs=1)
