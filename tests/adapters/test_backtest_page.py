import math
import re

import pytest

from sixgates.adapters.backtest_figure import averaged
from sixgates.adapters.backtest_page import write_backtest
from tests.adapters.a_report import ATTACK, Page

WINDOWS = [f"2026-02-{day:02}T00:00:00" for day in range(1, 11)]


def event(day, what, why="why"):
    return {"at": f"2026-02-{day:02}T00:00:00", "what": what, "why": why}


def play(policy, *, gates, events=(), losses=None, **changes):
    return {
        "policy": policy, "gates": gates, "mean_loss": 0.2, "metric": 0.75, "worst_window": 0.31,
        "retrains": 3, "refused": 1, "rolled_back": 1, "promoted": 1, "train_seconds": 1.5,
        "regret": 0.01, "events": list(events), "loss_by_window": losses or [0.2] * len(WINDOWS),
        **changes,
    }  # fmt: skip


def found(**changes):
    happened = [
        event(2, "alert"), event(2, "retrain"), event(2, "refused at compare", ATTACK),
        event(4, "retrain"), event(4, "shadow"), event(5, "promoted"), event(7, "rolled_back"),
    ]  # fmt: skip
    return {
        "project": "bikes", "rows": 17_379, "played": 13_903, "loss": "squared_error",
        "metric": "rmse", "windows": WINDOWS, "fits": 31, "fit_seconds": 4.2, "seconds": 9.0,
        "recommended": {"policy": "drift", "gates": True},
        "recommendation": "retrain on drift, with gates on: mean loss 0.2 with 3 retrains",
        "policies": [
            play("never", gates=True, losses=[0.1, None, *[0.4] * 8]),
            play("drift", gates=True, events=happened),
            play("drift", gates=False, events=[event(3, "retrain")]),
            play("always", gates=True),
            play("always", gates=False),
        ],
        **changes,
    }  # fmt: skip


def written(tmp_path, told):
    path = tmp_path / "page.html"
    write_backtest(path, told)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    return text, page, " ".join(" ".join(page.text).split())


def test_the_recommendation_comes_first_and_every_play_is_a_row(tmp_path):
    _, page, said = written(tmp_path, found())
    assert "Recommended: drift, gates on Retrain on drift, with gates on: mean loss 0.2" in said
    assert said.index("Recommended") < said.index("worst window")
    assert "drift ✓ recommended on 0.2 0.75 0.31 3 1 1 1.5 s 0.01" in said
    assert said.count("recommended") == 1
    assert page.count("figure", "small policy") == 2  # drift and always


def test_each_policy_is_drawn_over_time_with_what_it_did(tmp_path):
    text, _, said = written(tmp_path, found())
    drawn = re.findall(r'<figure class="small policy".*?</svg>', text, re.DOTALL)
    lanes = [t for t in re.findall(">([^<]+)</text>", drawn[0]) if re.match("[a-z]", t)]
    assert lanes == ["alert", "retrain", "refused", "promoted", "rolled back", "without gates"]
    assert not [t for t in re.findall(">([^<]+)</text>", drawn[1]) if re.match("[a-z]", t)]
    assert "Every event with gates on (7)" in said
    assert "2026-02-07 rolled back why" in said
    losses = [t for t in re.findall(">([^<]+)</text>", drawn[0]) if re.match(r"0[.]", t)]
    assert losses == [t for t in re.findall(">([^<]+)</text>", drawn[1]) if re.match(r"0[.]", t)]


def test_the_page_stands_alone_and_what_a_history_says_is_text(tmp_path):
    text, page, said = written(tmp_path, found())
    assert page.count("script") == page.count("link") == page.count("img") == 0
    assert "http" not in text.replace("http-equiv", "")
    assert page.values("href") == [v for v in page.values("href") if v.startswith("#")]
    assert ATTACK in said
    names = page.values("id")
    assert len(names) == len(set(names))


def test_a_history_without_a_known_loss_is_drawn_as_none(tmp_path):
    unknown = {"gates": True, "losses": [None] * len(WINDOWS), "mean_loss": math.nan}
    bare = [play("never", **unknown), play("drift", **unknown)]
    _, page, said = written(tmp_path, found(policies=bare))
    assert "nan" in said
    assert page.count("figure", "small policy") == 1


def test_a_long_history_has_few_points_and_says_what_each_stands_for(tmp_path):
    windows = [f"20{n // 300:02}-01-01T{n % 24:02}:00:00" for n in range(600)]
    plays = [
        play("never", gates=True, losses=[0.1] * 600),
        play("drift", gates=True, losses=[0.2] * 600),
    ]
    assert (
        "one point per 10 windows" in written(tmp_path, found(windows=windows, policies=plays))[2]
    )
    assert averaged([1.0, 3.0] * 60) == [2.0] * 60
    assert averaged([None, 3.0] * 60) == [3.0] * 60


@pytest.mark.parametrize("gates", [True, False])
def test_never_is_recommended_without_a_word_about_gates(tmp_path, gates):
    said = written(tmp_path, found(recommended={"policy": "never", "gates": gates}))[2]
    assert "Recommended: never Retrain" in said
