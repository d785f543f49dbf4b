import json
import re
import subprocess
import sys
import warnings
from datetime import datetime, timedelta

import pytest

from tests.adapters.a_report import ATTACK, check, history, result, step, verdict, write


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    names = ["healthy-drift", "garbage-data", "worse-model", "canary-regression",
             "late-regression", "no-drift"]  # fmt: skip
    return write(tmp_path_factory.mktemp("six"), {name: result(name) for name in names})


def test_a_run_without_traffic_or_end_is_told_as_well(tmp_path):
    told = result()
    for name in ("scenario", "teaches", "expected", "actual", "ok", "seconds", "loss",
                 "loss_served", "loss_never", "failed_requests"):  # fmt: skip
        del told[name]
    page = write(tmp_path, {"loans": told | {"daily": [], "serving": {"champion": ""}}})[2]
    assert page.count("details", "retrain") == 2


def test_every_play_every_gate_and_every_check_is_on_the_page(six):
    _, text, page = six
    headings = [t for t in page.text if t]
    for name in ("healthy-drift", "garbage-data", "worse-model", "canary-regression",
                 "late-regression", "no-drift"):  # fmt: skip
        assert headings.count(name) == 2  # the summary and its own section
    assert page.count("details", "gate") == 6 * 11
    assert text.count("rows 12 &gt;= 10") >= 6 * 11
    assert page.count("details", "retrain") == 6 * 2


def test_an_alert_is_told_with_the_evidence_and_the_size_of_each_signal(six):
    (_, text, _), none = six, "\N{EN DASH}"
    rows = [
        re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    ]
    assert ["inputs", "yes", "4,845", "2,920", "1.232", "0.1"] in rows
    assert ["loss", "no", none, "730", none, none] in rows


def test_an_alert_that_says_since_when_the_world_has_moved_is_told_so(tmp_path):
    (old,) = result()["alerts"]
    inputs, loss = ({**signal, "since": None} for signal in old["signals"])
    dated = {**old, "since": "2026-02-03T00:00:00",
             "signals": [{**inputs, "since": "2026-02-03T06:30:00"}, loss]}  # fmt: skip
    _, _, page = write(tmp_path, {"old": result(), "new": result(alerts=[dated])})
    assert page.text.count("The drift began with 2026-02-03.") == 1
    assert page.text.count("2026-02-03 06:30") == 1


def test_the_features_that_moved_furthest_are_drawn_once_for_every_width(tmp_path):
    shape = {
        "feature": "income",
        "index": 1.25,
        "edges": (0.0, 1.0, 3.0),
        "levels": (),
        "reference": (0.5, 0.5),
        "window": (0.1, 0.8),
        "outside": [("null", 0.0, 0.1)],
    }
    other = shape | {"feature": "region", "edges": (), "levels": ("<north>", "south")}
    alert = {**result()["alerts"][0], "features": ["income"], "drift": [shape, other],
             "window": "2026-02-08T00:00:00", "undrawn": ""}  # fmt: skip
    untold = {**alert, "drift": [], "undrawn": "No look is kept."}
    _, text, page = write(tmp_path, {"x": result(alerts=[alert, untold])})
    told = " ".join(" ".join(page.text).split())
    assert page.count("figure", "small shape") == 2
    assert sum(tag == "svg" and "class" not in a for tag, a in page.tags) == 4
    assert "income stability index 1.25, named by the alert null 0.0% → 10.0%" in told
    assert "region stability index 1.25 null" in told
    assert "No look is kept." in told
    assert "<north>" not in text


def test_a_dollar_in_a_name_begins_no_formula(tmp_path):
    prices = ("$", "$$", "$$$", "$10k-$50k", r"$\d$")
    shape = {"feature": "price", "index": 1.2, "edges": (), "levels": prices, "outside": [],
             "reference": (0.2,) * 5, "window": (0.2,) * 5}  # fmt: skip
    alert = {**result()["alerts"][0], "features": [], "drift": [shape], "undrawn": "",
             "window": "2026-02-08T00:00:00"}  # fmt: skip
    _, text, _ = write(tmp_path, {"x": result(alerts=[alert])})
    drawn = re.search(r'<figure class="small shape">.*?</svg>', text, re.DOTALL)[0]
    assert re.findall(">([^<]*[$][^<]*)</text>", drawn) == list(prices)


def test_the_page_of_a_run_says_what_came_of_it_what_is_next_and_what_can_be_done(tmp_path):
    told = result(
        headline="version 2 promoted", written="2026-02-12T00:00:00", under_way=True,
        next=["Each tick of gate 6 watches it."],
        choices=[{"purpose": "put it back", "command": "sixgates rollback --reason '<why>'"}],
    )  # fmt: skip
    for name in ("scenario", "expected", "actual", "ok"):
        del told[name]
    said = " ".join(" ".join(write(tmp_path, {"loans": told})[2].text).split())
    assert "Version 2 promoted." in said
    assert "Written on 2026-02-12, and again when the release ends." in said
    assert "What happens next Each tick of gate 6 watches it." in said
    assert "What you can do put it back: sixgates rollback --reason '<why>'" in said
    assert said.count("as good as the hold-back") == 1
    assert "none expected" not in said


def test_the_page_needs_nothing_from_outside_and_runs_nothing(six):
    _, text, page = six
    assert all(v.startswith("#") for v in page.values("href") + page.values("src"))
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text
    assert "http" not in text.replace("http-equiv", "").replace("HTTP", "")
    assert page.count("script") == page.count("link") == page.count("img") == 0


def test_no_name_is_used_twice_and_every_reference_is_answered(six):
    _, text, page = six
    names = page.values("id")
    assert len(names) == len(set(names))
    used = {v[1:] for v in page.values("href")}
    used |= {part.split(")")[0] for part in text.split("url(#")[1:]}
    assert used <= set(names)


def test_six_plays_stay_well_below_the_size_a_mail_would_take(six):
    assert six[0].stat().st_size < 1_500_000


def test_a_figure_takes_its_colours_from_the_page_in_light_and_dark(six):
    _, text, page = six
    drawn = [a for tag, a in page.tags if tag == "svg" and "class" not in a]
    assert len(drawn) == 12
    assert "#00000" not in text
    for name in ("ink", "pass", "inconclusive", "served", "alert"):
        assert f"var(--{name})" in text
        assert text.count(f"--{name}:") == 2


def test_the_same_results_give_the_same_page(tmp_path):
    first = write(tmp_path, {"a": result()})[1]
    assert write(tmp_path, {"a": result()})[1] == first


def test_whatever_a_result_says_is_text_and_never_markup(tmp_path):
    told = result(
        teaches=ATTACK,
        actual=ATTACK,
        reason=ATTACK,
        loss=ATTACK,
        alerts=[{"at": "2026-02-08T00:00:00", "entry": 1, "reason": ATTACK}],
        timeline=[{**step(1, 1, "cold_start", "<b>1</b>"), "reason": ATTACK}],
        verdicts=[verdict(1, "a", "validate", "fail", [check(ATTACK, "fail", sentence=ATTACK)])],
    )
    _, text, page = write(tmp_path, {ATTACK: told}, {ATTACK: ATTACK})
    assert page.count("script") == 0
    assert "<b>1</b>" not in text
    assert any(ATTACK in t for t in page.text)


def test_a_play_that_never_served_never_alerted_and_never_trained_is_still_told(tmp_path):
    serving = {**result()["serving"], "champion": "", "champion_digest": "", "epoch": 0}
    bare = result(alerts=[], retrains=[], verdicts=[], timeline=[], daily=[], loss_served=None,
                  loss_never=None, alert_to_verdict_seconds=None, proved=False, ok=False,
                  failed_requests=200, serving=serving)  # fmt: skip
    text = " ".join(write(tmp_path, {"bare": bare})[2].text)
    assert "No served request has a known label" in text
    assert "The gateway named no champion" in text
    assert "200 requests failed" in text
    assert "not proved" in text
    assert "not as expected" in text


def test_a_home_with_errors_alone_says_each_of_them(tmp_path):
    _, _, page = write(tmp_path, {}, {"no-drift": "no gateway answers"})
    assert "no-drift" in page.text
    assert "no gateway answers" in page.text
    assert page.count("svg") == 0


def test_a_rehearsal_that_played_nothing_says_so(tmp_path):
    assert "nothing was played" in write(tmp_path, {})[2].text


def test_unknown_figures_are_shown_as_such_and_never_as_numbers(tmp_path):
    checks = [check(seen=None, required=None, n=0), check(seen=float("nan"), required=float("inf"))]
    daily = [{"at": "2026-02-01", "served": None, "never": float("nan"), "n": 0}]
    told = result(verdicts=[verdict(1, "a", "validate", "fail", checks)], daily=daily)
    _, _, page = write(tmp_path, {"x": told})
    assert "nan" in page.text
    assert "inf" in page.text
    assert "–" in page.text  # noqa: RUF001 - the dash that stands for nothing measured


def test_a_muted_check_is_called_so_and_gives_no_reason(tmp_path):
    checks = [
        {**check("slow answers", "fail", sentence="muted: too slow"), "muted": True},
        check("loss", "fail", sentence="loss too large"),  # stored before checks could be muted
    ]
    told = result(verdicts=[verdict(1, "a", "canary", "fail", checks)])
    text = " ".join(write(tmp_path, {"x": told})[2].text)
    assert "fail, muted" in text
    assert "2 checks: loss too large" in text


def test_what_the_owner_of_the_data_has_to_know_stands_below_the_checks(tmp_path):
    refused = verdict(1, "a", "validate", "fail") | {"summary": ["9 rows break <b>x: ge(0)</b>."]}
    text = " ".join(write(tmp_path, {"x": result(verdicts=[refused])})[2].text)
    assert "For the owner of the data:" in text
    assert "9 rows break <b>x: ge(0)</b>." in text  # as text, and no markup


def test_a_verdict_of_a_run_without_a_retrain_is_not_lost(tmp_path):
    told = result(retrains=[])
    assert write(tmp_path, {"x": told})[2].count("details", "gate") == len(told["verdicts"])


def test_a_history_is_told_with_its_rows_and_without_an_expected_end(tmp_path):
    _, _, page = write(tmp_path, {"bikes": history()})
    text = " ".join(page.text)
    assert "17,379 rows" in text
    assert "root mean squared error 79.16 served, 128.7 never retrained" in text
    assert "as expected" not in text


def test_a_long_history_is_drawn_with_few_points_and_says_what_each_stands_for(tmp_path):
    days = [f"{2000 + n // 300}-01-01T{n % 24:02}:00:00" for n in range(1000)]
    daily = [{"at": at, "served": 1.0, "never": 2.0, "n": 1} for at in days]
    _, text, page = write(tmp_path, {"bikes": history(daily=daily)})
    assert any("one point per 10 periods" in t for t in page.text)
    assert len(text) < 150_000


@pytest.mark.parametrize(
    ("least", "labels"),
    [(0.41, ["0.41", "0.4101", "0.4102"]), (1_000.0, ["1000.0", "1000.2", "1000.4"]),
     (12_345.0, ["12.345k", "12.347k", "12.35k"]), (1e-9, ["1e-09", "1.0002e-09", "1.0004e-09"])],
)  # fmt: skip
def test_the_figures_of_an_axis_can_be_told_apart(tmp_path, least, labels):
    daily = [{"at": f"2026-02-{d:02}", "served": least, "never": least * (1 + d / 50_000), "n": 4}
             for d in range(1, 20)]  # fmt: skip
    text = write(tmp_path, {"x": result(daily=daily)})[1]
    narrow = re.search(r'<div class="narrow">.*?</div>', text, re.DOTALL)[0]
    assert re.findall(r">([\d.]+(?:e-\d+|k)?)</text>", narrow) == labels


def test_a_feature_that_training_never_saw_filled_is_told_without_a_picture(tmp_path):
    bare = {"feature": "promo", "index": 15.19, "edges": (), "levels": (), "reference": (),
            "window": (), "outside": [("never seen", 0.0, 0.1), ("null", 1.0, 0.9)]}  # fmt: skip
    alert = {**result()["alerts"][0], "features": [], "drift": [bare], "undrawn": "",
             "window": "2026-02-08T00:00:00"}  # fmt: skip
    _, text, page = write(tmp_path, {"x": result(alerts=[alert])})
    told = " ".join(" ".join(page.text).split())
    assert "promo stability index 15.19 never seen 0.0% → 10.0% null 100.0% → 90.0%" in told
    assert "<svg" not in re.search(r'<figure class="small shape">.*?</figure>', text, re.DOTALL)[0]


def test_a_rare_level_that_moved_is_not_told_as_none(tmp_path):
    shape = {"feature": "region", "index": 0.2, "edges": (), "levels": ("north", "isle"),
             "reference": (0.999, 0.001), "window": (0.996, 0.004), "outside": []}  # fmt: skip
    alert = {**result()["alerts"][0], "features": [], "drift": [shape], "undrawn": "",
             "window": "2026-02-08T00:00:00"}  # fmt: skip
    assert ">0.1% → 0.4%</text>" in write(tmp_path, {"x": result(alerts=[alert])})[1]


def test_a_loss_averaged_over_periods_is_weighted_by_their_rows():
    from sixgates.adapters.report_figure import _points

    daily = [{"at": "2026-02-01", "served": 1.0, "never": None, "n": 1},
             {"at": "2026-02-02", "served": 4.0, "never": 2.0, "n": 2}] * 100  # fmt: skip
    point = _points(daily)[0]
    assert (point["served"], point["never"]) == (3.0, 2.0)


def test_a_share_below_a_percent_is_not_told_as_none(tmp_path):
    serving = {**result()["serving"], "beside": "3", "arm": "canary", "share": 0.004}
    timeline = [step(1, 1, "cold_start"), step(8, 2, "canary", share=0.004)]
    page = write(tmp_path, {"x": result(serving=serving, timeline=timeline)})[2]
    assert "beside it as canary at 0.4%" in " ".join(page.text)
    assert page.text.count("0.4%") == 3  # on the lane at either width, and in the table of steps


def test_the_summary_says_how_many_ended_as_they_should(tmp_path):
    plays = {"a": result(), "b": result(ok=False, actual="stopped at gate 4"), "c": history()}
    _, _, page = write(tmp_path, plays)
    assert "Rehearsal: 1 of 2 ended as they should" in page.text


def test_a_history_of_one_moment_is_drawn_without_a_warning(tmp_path):
    only = result(alerts=[], retrains=[], verdicts=[verdict(1, "a", "validate")], daily=[],
                  timeline=[step(1, 1, "cold_start")])  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path, {"x": only})


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [(0.3, ["02:07:13"]), (20, ["02:07:13", "02:07:19", "02:07:25", "02:07:31"]),
     (200, ["27 Nov 02:08", "27 Nov 02:10"]),
     (5_400, ["27 Nov 02:06", "27 Nov 02:53"]),
     (14_400, ["27 Nov 03:00", "27 Nov 06:00"])],
)  # fmt: skip
def test_the_axis_of_time_is_labelled_however_short_a_run_was(tmp_path, seconds, labels):
    began = datetime(2026, 11, 27, 2, 7, 13, 250_000)  # noqa: DTZ001 - naive UTC
    ended = (began + timedelta(seconds=seconds)).isoformat()
    only = result(alerts=[], retrains=[], timeline=[], daily=[], began=began.isoformat(),
                  verdicts=[verdict(1, "a", "validate", "fail") | {"at": ended}])  # fmt: skip
    text = write(tmp_path, {"x": only})[1]
    narrow = re.search(r'<div class="narrow">.*?</div>', text, re.DOTALL)[0]
    assert re.findall(r">([^<]*:[^<]*)</text>", narrow) == labels


def test_results_that_went_through_json_are_told_alike(tmp_path):
    told = {"x": result()}
    assert write(tmp_path, json.loads(json.dumps(told)))[1] == write(tmp_path, told)[1]


def test_importing_the_report_does_not_load_matplotlib():
    code = "import sys, sixgates.adapters.report_page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_drawing_leaves_the_settings_of_others_alone(tmp_path):
    import matplotlib as mpl

    def settings():
        return [mpl.rcParams[name] for name in ("svg.hashsalt", "svg.fonttype", "font.size")]

    before = settings()
    write(tmp_path, {"x": result()})
    assert settings() == before
