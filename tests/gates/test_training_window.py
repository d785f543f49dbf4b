import numpy as np
import polars as pl
import pytest

from sixgates.gates.training_window import largest_as_good, newest_parts

ROWS = np.arange(400)
CHANCE = np.random.default_rng(3).random(400)


def test_parts_are_the_newest_rows_the_largest_first():
    train = pl.DataFrame({"x": range(10)})
    parts = list(newest_parts(train, (0.25, 1.0, 0.5, 0.5, 0.01)))
    assert [part["x"].to_list() for part in parts] == [[*range(10)], [*range(5, 10)], [8, 9], [9]]


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        ([CHANCE, CHANCE], 0),
        ([CHANCE + 0.1, CHANCE, CHANCE - 1e-6 * ROWS], 2),
        ([CHANCE + 0.1, CHANCE, CHANCE[::-1]], 1),
        ([CHANCE + 0.1 * np.sin(ROWS), CHANCE], 0),
        ([np.full(400, np.nan), CHANCE], 1),
        ([np.array([np.nan]), CHANCE], 1),
        ([CHANCE, np.full(400, np.inf)], 0),
        ([np.array([np.nan]), np.array([np.nan])], 0),
    ],
)
def test_the_most_rows_are_taken_that_lose_nothing_that_can_be_seen(losses, place):
    assert largest_as_good(losses, ROWS) == place


def test_rows_that_go_together_are_less_evidence():
    better = CHANCE + 0.02 * np.sign(np.sin(ROWS / 60)) + 0.004
    assert largest_as_good([better, CHANCE], ROWS) == 1
    assert largest_as_good([better, CHANCE], ROWS // 100) == 0
    assert largest_as_good([CHANCE + 1.0, CHANCE], np.zeros(400, dtype=np.int64)) == 0


def test_without_rows_the_largest_is_taken():
    assert largest_as_good([np.array([]), np.array([])], np.array([], dtype=np.int64)) == 0
