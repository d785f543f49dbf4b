from pathlib import Path

import numpy as np
import polars as pl
import pytest

from simulation.sweep.figures import figures_of_real_pairs
from simulation.sweep.real_pairs import DATA_SETS, found_in, play_real
from simulation.sweep.rules import Limits
from simulation.sweep.table import Wanted, sweep_of
from sixgates.gates.errors import ConfigurationError

SHARED = Path(__file__).parents[3] / "shared/data"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    n = 6_000
    x = rng.normal(size=n)
    rain = rng.random(n) < 1 / (1 + np.exp(-2 * x))
    pl.DataFrame(
        {"row_id": range(n), "wind": x, "place": rng.choice(["a", "b"], n),
         "target_rain": rain.astype("int8")}
    ).write_parquet(tmp_path / "noaa_weather.parquet")  # fmt: skip
    return tmp_path


def test_pairs_of_two_like_models_are_decided_sooner_than_two_arms(folder):
    found = play_real(folder, "noaa_weather", 6, 7, Limits())
    assert found.days == pytest.approx(0.7 * 6_000 / 30, abs=2)
    assert found.paired.p_promote > 0.7
    assert found.paired.mean_requests >= 3 * 30
    assert found.ratio == found.two_arms.mean_requests / found.paired.mean_requests
    assert found.ratio > 2
    for way in (found.paired, found.two_arms):
        assert way.p_promote + way.p_rollback + way.p_undecided == pytest.approx(1)
    assert found == play_real(folder, "noaa_weather", 6, 7, Limits())
    names = [figure.name for figure in figures_of_real_pairs([found])]
    assert names == [
        "requests to the verdict, two arms / pairs, noaa_weather",
        "requests to the verdict, two arms / pairs, median of the sets",
    ]


def test_absent_sets_are_named(folder):
    present, absent = found_in(folder)
    assert present == ["noaa_weather"]
    assert set(absent) == set(DATA_SETS) - {"noaa_weather"}
    planned = sweep_of(Wanted(10, 7, ["iid"], [0.0], data=folder))
    assert [task.name for task in planned.real] == ["real pairs of noaa_weather"]
    assert any("elec2.parquet" in sentence for sentence in planned.left_out)


def test_a_folder_without_any_set_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="holds no known data set: put one of elec2"):
        found_in(tmp_path / "nowhere")


def test_a_broken_file_and_a_file_without_the_label_are_refused(tmp_path):
    (tmp_path / "noaa_weather.parquet").write_text("rain")
    with pytest.raises(ConfigurationError, match="cannot be read as parquet"):
        play_real(tmp_path, "noaa_weather", 10, 7, Limits())
    pl.DataFrame({"row_id": [1]}).write_parquet(tmp_path / "noaa_weather.parquet")
    with pytest.raises(ConfigurationError, match="lacks the columns"):
        play_real(tmp_path, "noaa_weather", 10, 7, Limits())


@pytest.mark.parametrize("name", DATA_SETS)
def test_real_pairs_need_several_times_fewer_requests_than_two_arms(name):
    if not (SHARED / f"{name}.parquet").is_file():
        pytest.skip(f"there is no {name}.parquet in {SHARED}")
    assert play_real(SHARED, name, 6, 7, Limits()).ratio >= 3
