import math
from datetime import datetime, timedelta

import numpy as np
import pytest

from sixgates.gates.drift.inputs import input_evidence
from sixgates.gates.profile.groups import Window

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC
WEEK = timedelta(days=7)
FEATURES, GROUPS, ROWS = 10, 12, 500


def window(rng, i, *, shift=0.0, wobble=0.0, season=0.0, rows=ROWS):
    counts = []
    for j in range(FEATURES):
        moved = (shift if j == 0 else 0.0) + rng.normal(0, wobble) + season
        weights = np.exp(moved * np.linspace(-1, 1, GROUPS))
        counts.append(tuple(rng.multinomial(rows, weights / weights.sum()).tolist()))
    return Window(START + i * WEEK, START + (i + 1) * WEEK, rows, tuple(counts))


def windows(rng, n, first=0, **how):
    return [window(rng, first + i, **how) for i in range(n)]


@pytest.mark.parametrize("wobble", [0.0, 0.3])
def test_a_shift_beyond_the_usual_wobble_is_evident_after_three_windows(wobble):
    rng = np.random.default_rng(1)
    past = windows(rng, 60, wobble=wobble)
    found = input_evidence(past, windows(rng, 3, 60, wobble=wobble, shift=2.5))
    assert found.log_e > math.log(500)
    assert found.scores.argmax() == found.indices.argmax() == 0
    assert found.indices[0] > 0.1 > found.indices[1:].max() - 0.3 * (wobble > 0)


@pytest.mark.parametrize("wobble", [0.0, 0.3])
def test_quiet_windows_are_no_evidence_however_much_they_wobble(wobble):
    rng = np.random.default_rng(2)
    levels = [
        input_evidence(windows(rng, 30, wobble=wobble), windows(rng, 20, 30, wobble=wobble)).log_e
        for _ in range(40)
    ]
    assert np.mean(np.array(levels) > math.log(500)) == 0


def test_a_season_is_compared_with_itself():
    rng = np.random.default_rng(3)

    def seasonal(n, first=0):
        return [window(rng, first + i, season=1.5 * ((first + i) % 4 == 3)) for i in range(n)]

    past, live = seasonal(40), seasonal(4, 40)
    plain, aware = input_evidence(past, live), input_evidence(past, live, seasons=4)
    assert aware.indices.max() < 0.1 < plain.indices.max()
    moved = [window(rng, 44 + i, shift=2.5, season=1.5 * (i == 3)) for i in range(4)]
    assert input_evidence(past, live + moved, seasons=4).log_e > math.log(500)


def test_a_window_is_not_compared_with_itself():
    rng = np.random.default_rng(4)
    past = windows(rng, 2)
    found = input_evidence(past, [past[0]])
    assert math.isfinite(found.indices.max())


def test_with_few_windows_there_are_figures_and_no_evidence():
    rng = np.random.default_rng(5)
    found = input_evidence(windows(rng, 1), windows(rng, 1, 1, shift=3.0))
    assert found.log_e == 0
    assert found.indices[0] > 0.1
    assert np.isnan(found.scores).all()


def test_without_training_windows_nothing_can_be_said():
    found = input_evidence([], windows(np.random.default_rng(6), 5))
    assert found.log_e == 0
    assert np.isnan(found.indices).all()


def test_an_empty_window_is_no_evidence():
    rng = np.random.default_rng(7)
    empty = Window(START, START + WEEK, 0, ((0,) * GROUPS,) * FEATURES)
    found = input_evidence(windows(rng, 10), [empty])
    assert found.log_e == 0
    assert np.isnan(found.indices).all()
