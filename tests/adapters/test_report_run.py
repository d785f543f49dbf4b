"""The pictures of a run: gate 4 by segment, the evidence of gates 5 and 6, a bar a check."""

import re

from tests.adapters.a_report import check, e_values, result, verdict, write


def judged(gate, *days_and_e, name):
    """Verdicts of a gate on some days, whose check had grown to so much evidence either way."""
    return [
        verdict(day, "b", gate, checks=[check(name) | {"e_values": e_values(*e)}])
        for day, *e in days_and_e
    ]


def test_gate_4_shows_the_difference_over_all_rows_and_by_segment_with_intervals(tmp_path):
    rows = {"mean": -0.02, "low": -0.03, "high": -0.01, "n": 800, "clusters": 90}
    segments = [rows | {"rows": f"region={n:02}", "mean": n / 100} for n in range(15)]
    one = rows | {"rows": "tiny=1", "low": None, "high": None, "clusters": 1}
    margin = check("loss difference", seen=-0.01, required=0.005)
    compared = verdict(8, "b", "compare", checks=[margin])
    compared["differences"] = [rows | {"rows": "all rows"}, *segments, one]
    _, text, page = write(tmp_path, {"x": result(verdicts=[compared])})
    told = " ".join(" ".join(page.text).split())
    assert page.count("figure", "small differences") == 1
    assert "margin 0.005" in told
    assert "5 more segments in the table" in told
    assert "all rows -0.02 -0.03 to -0.01 800 90 region=14 0.14 -0.03 to -0.01" in told
    assert "tiny=1 -0.02 unknown 800 1" in told
    drawn = re.search(r'<figure class="small differences">.*?</svg>', text, re.DOTALL)[0]
    named = [t for t in re.findall(">([^<]+)</text>", drawn) if t[0].isalpha()]
    assert named == ["all rows", *(f"region={n:02}" for n in range(14, 3, -1))]


def test_the_evidence_of_gates_5_and_6_is_drawn_over_time_against_both_limits(tmp_path):
    told = result(
        verdicts=[
            *judged("canary", (9, 1.0, 1.0), (10, 1e9, 1e-9), name="loss"),
            *judged("canary", (9, None, 2.0), (10, None, 0.5), name="harm"),
            *judged("monitor", (12, None, 3.0), name="service"),
        ]
    )
    _, text, page = write(tmp_path, {"x": told})
    said = " ".join(" ".join(page.text).split())
    assert page.count("figure", "small promotion") == page.count("figure", "small harm") == 1
    assert "every line must reach 20" in said
    assert "● loss 1e+09" in said
    assert "● harm, the mean of all 0.5 of 20 ▲ gate 6, service 3 of 20" in said
    drawn = re.search(r'<figure class="small promotion">.*?</svg>', text, re.DOTALL)[0]
    assert re.findall(">([^<]+)</text>", drawn)[:4] == ["≤.01", "1", "≥10k", "20"]


def test_a_run_whose_verdicts_know_no_evidence_has_no_empty_pictures(tmp_path):
    _, _, page = write(tmp_path, {"x": result()})
    assert page.count("figure") == 1  # what happened
    assert page.count("div", "grid") == 0


def test_every_check_is_drawn_as_what_was_seen_against_what_was_required(tmp_path):
    checks = [check(seen=5.0, required=20.0), check(seen=-3.0, required=1.0),
              check(seen=None), check(seen=0.0, required=0.0)]  # fmt: skip
    page = write(tmp_path, {"x": result(verdicts=[verdict(1, "a", "validate", checks=checks)])})[2]
    assert page.count("svg", "bar pass") == 2
    assert "seen 5, required 20" in page.values("aria-label")
    seen = [a for t, a in page.tags if t == "rect" and a.get("class") == "seen"]
    assert [(a["x"], a["width"]) for a in seen] == [("0.0", "25.0"), ("0.0", "75.0")]
    limits = [a["x"] for t, a in page.tags if t == "rect" and a.get("class") == "limit"]
    assert limits == ["98.5", "98.5"]


def test_what_was_seen_and_its_limit_are_not_written_alike_where_they_differ(tmp_path):
    close = check("brier", "fail", seen=0.40001, required=0.4)
    told = result(verdicts=[verdict(8, "b", "evaluate", "fail", checks=[close])])
    _, text, page = write(tmp_path, {"x": told})
    assert "0.40001 0.4 " in " ".join(" ".join(page.text).split())
    assert 'aria-label="seen 0.40001, required 0.4"' in text
