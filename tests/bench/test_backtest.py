import math

import pytest

import bench.backtest.__main__
from bench.backtest.histories import DATA, HISTORIES, History
from bench.backtest.judged import of_history, retrains
from bench.spent import Spent
from sixgates.gates.errors import ConfigurationError


def play(policy, *, gates=True, **figures):
    usual = {
        "mean_loss": 0.2, "gain": 0.05, "gain_se": 0.01, "worst_window": 0.3,
        "worst_window_se": 0.03, "retrains": 4, "events": [],
    }  # fmt: skip
    return {"policy": policy, "gates": gates} | usual | figures


def spent(*changed, peak=500.0, **found):
    plays = [play("never", gain=0.0, gain_se=0.0, retrains=0)]
    plays += [play(name, gates=on) for name in ("every 5 %", "drift") for on in (True, False)]
    plays = {(p["policy"], p["gates"]): p for p in [*plays, *changed]}
    found = {"fits_cpu": 9.0, "imported_mib": 440.0} | found
    return Spent(10.0, peak, found | {"policies": list(plays.values())})


def figures(name, of):
    return {figure.name.partition(": ")[2]: figure for figure in of_history(name, of, 50.0)}


LOSS = "loss of drift with gates, above never retraining"
GAIN = "gain of drift with gates, of the best schedule's"
WORST = "worst window with gates, above that without"
FORGOT = "challengers refused for classes they forgot"
TIME = "processor time over all fits of LightGBM"
MEMORY = "memory beyond what is imported, over the data"


def test_a_history_that_keeps_every_bound():
    found = figures("bikes", spent())
    assert set(found) == {LOSS, GAIN, WORST, TIME, MEMORY}
    assert all(figure.ok for figure in found.values())
    assert found[LOSS].value == pytest.approx(-5)
    assert found[GAIN].value == 1
    assert found[WORST].value == 0
    assert found[TIME].value == pytest.approx(10 / 9)
    assert found[MEMORY].value == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("missed", "of"),
    [
        (LOSS, spent(play("drift", gain=-0.05))),
        (GAIN, spent(play("every 5 %", gates=False, gain=0.07))),
        (GAIN, spent(*(play("every 5 %", gates=on, gain=-0.05) for on in (True, False)))),
        (WORST, spent(play("drift", worst_window=0.4))),
        (WORST, spent(play("drift", worst_window_se=None))),
        (TIME, spent(fits_cpu=8.0)),
        (MEMORY, spent(peak=516.0)),
    ],
)
def test_a_bound_that_is_missed(missed, of):
    found = figures("bikes", of)
    assert [name for name, figure in found.items() if not figure.ok and name == missed] == [missed]


def test_a_policy_that_never_retrained_loses_what_never_loses():
    assert figures("census", spent(play("drift", gain=0.0, gain_se=0.0)))[LOSS].ok
    unknown = figures("census", spent(play("drift", gain=-0.05, gain_se=None)))[LOSS]
    assert math.isnan(unknown.value)
    assert not unknown.ok


def test_a_forgotten_class_must_be_named_by_gate_4():
    forgets = {"what": "refused at compare", "why": "the challenger never saw r2l, which the: more"}
    other = {"what": "refused at compare", "why": "not enough evidence"}
    found = figures("intrusions", spent(play("drift", events=[other, forgets])))[FORGOT]
    assert (found.value, found.ok) == (1, True)
    assert "r2l" in found.note
    assert not figures("intrusions", spent())[FORGOT].ok


def test_trainings_are_compared_history_by_history():
    one, two = spent(play("drift", retrains=1)), spent(play("drift", retrains=3))
    found = retrains({"bikes": one, "census": two})
    assert (found.value, found.ok) == (0.5, True)
    assert not retrains({"bikes": two}).ok
    assert not retrains({"bikes": spent(play("every 5 %", retrains=0))}).ok


def test_the_mean_of_the_histories_is_that_of_all_of_them(monkeypatch):
    monkeypatch.setattr(History, "path", lambda _: None)
    answers = {"write": Spent(1.0, 1.0, 50.0), "play": spent()}
    monkeypatch.setattr(bench.backtest.__main__, "_alone", lambda work, *_: answers[work])

    def means(names):
        found = bench.backtest.__main__.measure(names, quick=False, say=lambda _line: None)
        return [figure.name for figure in found if "mean of the histories" in figure.name]

    assert len(means([*HISTORIES])) == 1
    assert means(["weather"]) == []


def test_every_history_fits_its_project():
    if not DATA.exists():
        pytest.skip(f"{DATA} is not there: the real data is not part of the project")
    for name, history in HISTORIES.items():
        rows = history.rows()
        project = history.project(rows)
        assert project.name == name
        assert rows["ts"].is_sorted()
        assert set(project.contract.columns) == set(rows.columns)
        assert project.roles.label.startswith("target_")


def test_a_history_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("bench.backtest.histories.DATA", tmp_path)
    with pytest.raises(ConfigurationError, match=r"elec2\.parquet is not there"):
        HISTORIES["electricity"].rows()
