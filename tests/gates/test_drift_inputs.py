import math

import numpy as np
import pytest

from sixgates.gates.drift.inputs import indices

FEATURES, GROUPS, ROWS = 10, 12, 500


def window(rng, *, shift=0.0, wobble=0.0, season=0.0, rows=ROWS):
    counts = []
    for j in range(FEATURES):
        moved = (shift if j == 0 else 0.0) + rng.normal(0, wobble) + season
        weights = np.exp(moved * np.linspace(-1, 1, GROUPS))
        counts.append(tuple(rng.multinomial(rows, weights / weights.sum()).tolist()))
    return tuple(counts)


def windows(rng, n, **how):
    return [window(rng, **how) for _ in range(n)]


def plain(counts, past):
    return indices(counts, past, [0] * len(counts))


@pytest.mark.parametrize("wobble", [0.0, 0.3])
def test_a_shift_beyond_the_usual_wobble_ranks_first_and_names_its_feature(wobble):
    rng = np.random.default_rng(1)
    found = plain([*windows(rng, 60, wobble=wobble), window(rng, wobble=wobble, shift=2.5)], 60)
    largest, earlier = found.ranked(range(60), 60)
    assert largest > max(earlier)
    assert found.moved(range(60), 60, floor=0.1)[0] == 0
    assert found.moved(range(60), 60, floor=9.0) == []


def test_a_small_index_that_wobbles_little_ranks_before_a_large_one_that_always_wobbles():
    rng = np.random.default_rng(2)
    counts = []
    for i in range(41):
        noisy = window(rng, wobble=0.8)[1]
        calm = window(rng, shift=0.5 if i == 40 else 0.0)[0]
        counts.append((calm, noisy))
    found = plain(counts, 40)
    assert found.values[40].argmax() == 1
    assert found.ranked(range(40), 40)[0] > max(found.ranked(range(40), 40)[1])


def test_a_season_is_compared_with_itself():
    rng = np.random.default_rng(3)
    counts = [window(rng, season=1.5 * (i % 4 == 3)) for i in range(44)]
    aware = indices(counts, 40, [i % 4 for i in range(44)])
    assert aware.values[40:].max() < 0.1 < plain(counts, 40).values[40:].max()


def test_a_training_window_is_not_compared_with_itself():
    rng = np.random.default_rng(4)
    counts = windows(rng, 3)
    alone = plain([counts[0], counts[1], counts[2]], 3).values[0]
    live = plain([counts[1], counts[2], counts[0]], 2).values[2]
    assert alone == pytest.approx(live)


def test_with_few_windows_there_are_indices_and_no_scores():
    rng = np.random.default_rng(5)
    found = plain([window(rng), window(rng, shift=3.0)], 1)
    assert found.values[1, 0] > 0.1
    assert math.isnan(found.ranked(range(1), 1)[0])
    assert found.moved(range(1), 1, floor=0.1) == []


def test_without_training_windows_or_rows_nothing_can_be_said():
    rng = np.random.default_rng(6)
    assert np.isnan(plain(windows(rng, 5), 0).values).all()
    empty = ((0,) * GROUPS,) * FEATURES
    found = plain([*windows(rng, 10), empty], 10)
    assert np.isnan(found.values[10]).all()
    assert math.isnan(found.ranked(range(10), 10)[0])
