import numpy as np
import polars as pl
import pytest

from sixgates.gates.errors import ContractError
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import by_group
from sixgates.gates.profile.shapes import shapes

LEVELS = [f"level {n:02}" for n in range(12)]


def frame(seed, rows=4_000, shift=0.0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "moved": rng.normal(shift, 1, rows),
            "quiet": rng.normal(0, 1, rows),
            "hour": rng.normal(5 * shift, 1, rows),
            "level": rng.choice(LEVELS, rows),
        }
    )


@pytest.fixture(scope="module")
def training():
    return profile_frame(frame(1), ["moved", "quiet", "hour"], ["level"])


def seen(training, df):
    now = profile_frame(df, training.numeric, training.categorical, like=training)
    return [counts.tolist() for counts in by_group(now, training)]


def found(training, df, *, first=(), most=4):
    return shapes(training, seen(training, df), first=first, without=["hour"], most=most)


def test_the_feature_that_moved_furthest_comes_first_and_what_tells_the_time_not_at_all(training):
    names = [shape.feature for shape in found(training, frame(2, shift=1.0))]
    assert names[0] == "moved"
    assert sorted(names) == ["level", "moved", "quiet"]
    assert len(found(training, frame(2), most=1)) == 1


def test_what_an_alert_names_goes_before_what_moved_further(training):
    assert found(training, frame(2, shift=1.0), first=["quiet"])[0].feature == "quiet"


def test_every_row_of_both_sides_is_in_one_share(training):
    later = frame(2, shift=3.0).with_columns(
        moved=pl.when(pl.int_range(pl.len()) < 40).then(None).otherwise("moved"),
        level=pl.when(pl.int_range(pl.len()) < 80).then(pl.lit("new")).otherwise("level"),
    )
    for shape in found(training, later):
        for side in ("reference", "window"):
            total = sum(getattr(shape, side)) + sum(getattr(out, side) for out in shape.outside)
            assert total == pytest.approx(1)
    outside = {
        (shape.feature, out.what): out.window
        for shape in found(training, later)
        for out in shape.outside
    }
    assert outside["moved", "null"] == 0.01
    assert outside["level", "never seen"] == 0.02
    assert outside["moved", "above the range"] > 0


def test_a_number_has_edges_that_enclose_its_groups_and_levels_beyond_eight_are_one(training):
    by_name = {shape.feature: shape for shape in found(training, frame(2))}
    moved, level = by_name["moved"], by_name["level"]
    assert len(moved.edges) == len(moved.window) + 1
    assert list(moved.edges) == sorted(moved.edges)
    assert np.histogram(frame(1)["moved"], moved.edges)[0] / 4_000 == pytest.approx(moved.reference)
    assert len(level.levels) == len(level.window) == 9
    assert level.levels[-1] == "4 others"


def test_a_level_that_grew_is_told_apart_however_rare_it_was(training):
    later = frame(2).with_columns(level=pl.lit(training.features[-1].levels[-1]))
    (level,) = (s for s in found(training, later) if s.feature == "level")
    assert level.window[level.levels.index(training.features[-1].levels[-1])] == 1.0


def test_a_window_without_rows_shows_nothing_and_one_of_another_reference_is_refused(training):
    assert found(training, frame(2, rows=0)) == []
    with pytest.raises(ContractError, match="not by the groups"):
        shapes(training, [[1, 2]], first=(), without=(), most=4)
