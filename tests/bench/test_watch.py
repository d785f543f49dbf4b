import math
import sys

import polars as pl
import pytest

from bench.spent import Pairs, Spent, in_turn, run
from bench.watch import peers, quality
from bench.watch.drift import memory_of
from bench.watch.gate import CHECKS, checked
from bench.watch.run import Run
from bench.watch.windows import CATEGORICAL, FEATURES, NUMERIC, make, paths
from simulation.sweep.figures import Figure as Swept
from sixgates.gates.errors import TransientError
from sixgates.gates.verdict import Outcome

ROWS = 3_000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    make(folder, ROWS)
    return folder


@pytest.fixture
def small(data):
    return Run(data, data, quick=True, say=lambda _line: None)


def test_windows_are_as_they_are_said_to_be_and_always_the_same(data, tmp_path):
    reference, current = paths(data, ROWS)
    df = pl.read_parquet(reference)
    assert len(FEATURES) == 50
    assert {pl.Float32: 20, pl.Float64: 20, pl.String: 10} == {
        kind: sum(df[name].dtype == kind for name in FEATURES)
        for kind in (pl.Float32, pl.Float64, pl.String)
    }
    nulls = df.select(pl.mean_horizontal(pl.col(FEATURES).null_count())).item() / ROWS
    assert nulls == pytest.approx(0.02, abs=0.005)
    assert df.select(pl.col(NUMERIC).is_nan().any()).row(0).count(True) == 5
    assert df[CATEGORICAL[0]].n_unique() == 5 + 1
    make(tmp_path, ROWS)
    assert pl.read_parquet(paths(tmp_path, ROWS)[0]).equals(df)
    assert not pl.read_parquet(current).equals(df)


def test_the_check_finds_the_same_by_every_way(small):
    small.alone("store", ROWS)
    stored, frame, both = (small.alone(work, ROWS) for work in ("stored", "frame", "both"))
    assert stored.result == frame.result == both.result
    assert set(stored.result) == {
        "psi", "ks", "wasserstein", "jensen_shannon", "null_share", "unseen_share",
    }  # fmt: skip
    assert set(stored.result["psi"]) == set(FEATURES)
    assert stored.cpu > 0
    assert stored.peak > 50


def test_the_gate_judges_all_there_is_to_judge_and_refuses_what_lies_outside(data, tmp_path):
    rows = pl.read_parquet(paths(data, ROWS)[1])
    first = pl.int_range(pl.len()) < 2
    spoilt = rows.with_columns(f64_00=pl.when(first).then(9.0).otherwise("f64_00"))
    spoilt.write_parquet(tmp_path / "spoilt.parquet")
    found = checked(tmp_path / "spoilt.parquet")
    assert (CHECKS, found["outcome"], found["rows"]) == (100, Outcome.PASS, ROWS)
    assert found["by_rule"] == {"f64_00: less_than_or_equal_to(5)": 2}
    assert found["checks"] >= 10


def test_memory_is_judged_by_its_size_and_by_how_it_grows():
    size, growth = memory_of({5_000_000: 400.0, 1_000_000: 300.0})
    assert (size.value, size.ok) == (400.0, True)
    assert (growth.value, growth.ok) == (pytest.approx(4 / 3), False)
    size, growth = memory_of({5_000_000: 610.0, 1_000_000: 600.0})
    assert (size.ok, growth.ok) == (False, True)


@pytest.mark.parametrize("unknown", [NUMERIC[0], NUMERIC[7], NUMERIC[-1]])
def test_a_distance_that_is_not_known_keeps_no_bound(monkeypatch, small, unknown):
    true = dict.fromkeys(NUMERIC, 0.5)
    monkeypatch.setattr(peers, "_theirs", lambda *_: Spent(1.0, 1.0, true))
    monkeypatch.setattr(Run, "alone", lambda *_: Spent(1.0, 1.0, {"ks": true | changed}))
    changed = {}
    (kept,) = peers.exact(small)
    changed = {unknown: math.nan}
    (missed,) = peers.exact(small)
    assert (kept.ok, missed.ok) == (True, False)
    assert unknown in missed.note


def test_the_ratio_is_the_median_of_pairs_in_turn():
    order = []

    def work(name, seconds):
        def once():
            order.append(name)
            return Spent(next(seconds), 1.0, None)

        return once

    pairs = in_turn(work("a", iter([9, 2, 3, 8])), work("b", iter([9, 1, 2, 4])), 3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert pairs.ratio == 2.0
    assert pairs.note == "median of 3 pairs, 1.50 to 2.00; 3.00 s against 2.00 s"
    assert isinstance(pairs, Pairs)


def test_a_process_that_fails_is_told_of_with_its_last_words():
    with pytest.raises(TransientError, match="no such file"):
        run([sys.executable, "-c", "raise SystemExit('no such file')"])


@pytest.mark.parametrize(
    ("value", "bound", "ok", "at_least"),
    [(400, 365, True, True), (300, 365, False, True), (3, 4, True, False), (4, 4, True, False),
     (5, 4, False, False)],
)  # fmt: skip
def test_figures_of_a_sweep_are_passed_on_with_the_side_of_their_bound(value, bound, ok, at_least):
    (found,) = quality.as_measured([Swept("x", value, bound, ok, 1.0, None)])
    assert (found.value, found.bound, found.ok, found.at_least) == (value, bound, ok, at_least)
    assert found.note == "95 % bounds, one-sided: 1"
