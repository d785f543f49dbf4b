import numpy as np
import pytest

from sixgates.adapters.domain_classifier import folds_of, tells_apart, told_apart


def rows(rng, n=1_000, *, together=0.0, features=6):
    made = rng.normal(size=(n, features))
    made[:, 1] = together * made[:, 0] + np.sqrt(1 - together**2) * made[:, 1]
    made[:, 5] = rng.integers(0, 4, n)
    return made


def test_rows_of_one_world_are_not_told_apart():
    rng = np.random.default_rng(1)
    areas = [told_apart(folds_of(rows(rng), rows(rng), [5])) for _ in range(8)]
    assert 0.48 < np.mean(areas) < 0.52
    assert max(areas) < 0.56


def test_two_features_that_part_company_are_found_and_named():
    rng = np.random.default_rng(2)
    usual, now = rows(rng, together=0.0), rows(rng, together=0.8)
    folds = folds_of(usual, now, [5])
    assert told_apart(folds) > 0.65
    worth = tells_apart(folds)
    assert set(np.argsort(-worth)[:2]) == {0, 1}
    assert np.abs(worth[2:]).max() < 0.05


def test_an_unseen_level_is_missing_and_tells():
    rng = np.random.default_rng(3)
    usual, now = rows(rng), rows(rng)
    now[::3, 5] = np.nan
    folds = folds_of(usual, now, [5])
    assert told_apart(folds) > 0.6
    assert np.argmax(tells_apart(folds)) == 5


@pytest.mark.parametrize(("usual", "now"), [(99, 500), (500, 99), (0, 500)])
def test_too_few_rows_tell_nothing(usual, now):
    rng = np.random.default_rng(4)
    few = folds_of(rows(rng, usual), rows(rng, now), [])
    assert told_apart(few) is None
    assert not len(tells_apart(few))
