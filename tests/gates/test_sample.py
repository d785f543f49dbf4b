import polars as pl
import pytest

from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.sample import Sample


@pytest.mark.parametrize("rows", [0, 1, 7, 99, 100, 1_000, 12_345])
@pytest.mark.parametrize("batch", [1, 64, 5_000])
def test_every_so_manieth_row_is_kept_whatever_the_batches(rows, batch):
    sample = Sample(50)
    for first in range(0, rows, batch):
        part = pl.DataFrame({"x": range(first, min(rows, first + batch))})
        sample.keep(part[sample.due(part.height)])
    kept = sample.rows()["x"].to_list() if rows else []
    assert min(rows, 50) <= len(kept) < 100
    if rows > 1:
        assert kept == list(range(0, rows, kept[1] - kept[0]))


def test_a_profile_hands_its_features_to_a_sample_as_they_pass_by():
    data = pl.DataFrame({"x": range(200_000), "c": ["a", "b"] * 100_000, "other": 0})
    for source in (data, data.lazy()):
        sample = Sample(1_000)
        profile = profile_frame(source, ["x"], ["c"], sample=sample)
        assert profile.rows == 200_000
        assert sample.rows().columns == ["x", "c"]
        assert sample.rows()["x"].is_sorted()
        assert 1_000 <= sample.rows().height < 2_000
