import math

import numpy as np

from simulation.sweep.gates import (
    _first_alarms,
    _split,
    gate_6_delays,
    gate_6_period_run_lengths,
    gate_6_run_lengths,
)
from sixgates.gates.statistics.counts import Bet, Counts, log_es_of_counts
from sixgates.gates.statistics.periods import sr_of

LEVEL = 100.0


def test_the_first_alarm_is_where_the_detector_of_gate_6_first_reaches_its_level():
    counts = _split(3, 120, 20, 0.05, np.random.default_rng(4))
    first = _first_alarms(counts, LEVEL)
    for i, batch in enumerate(first.astype(int)):
        alone = Counts(*(column[i : i + 1] for column in counts))
        logs = log_es_of_counts(alone, [Bet(0.0, 0.02)])[0][0]
        levels = [sr_of(logs[:k]) for k in range(1, batch + 1)]
        assert levels[-1] >= math.log(LEVEL) > max(levels[:-1])


def test_an_equal_model_runs_at_least_as_long_as_stated_on_average():
    rng = np.random.default_rng(5)
    lengths = gate_6_run_lengths(LEVEL, 300, rng)
    assert lengths.mean() + 2.6 * lengths.std() / 300**0.5 >= LEVEL
    by_period = gate_6_period_run_lengths(LEVEL, 60, rng)
    assert by_period.mean() + 2.6 * by_period.std() / 60**0.5 >= LEVEL


def test_a_model_that_turns_worse_is_found_in_time():
    delays = gate_6_delays(1_000.0, 0.02, 200, np.random.default_rng(6))
    assert 20 < delays.mean() - 2.6 * delays.std() / delays.size**0.5 < 40
