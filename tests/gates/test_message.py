import json
from dataclasses import replace
from datetime import datetime
from math import nan

import pytest

from sixgates.gates.message import (
    TITLE_LENGTH,
    Choice,
    Message,
    Served,
    checked,
    document,
    moment,
    text,
    title,
)
from sixgates.gates.verdict import Check, Outcome, at_most

NOON = datetime(2026, 1, 19, 12)  # noqa: DTZ001 - naive UTC
MESSAGE = Message(
    id="loans/route/4",
    model="loans",
    what="rolled_back",
    headline="version 3 rolled back by gate 5, canary",
    at=NOON,
    happened=("Gate 5, canary, rolled version 3 back at 5% of the units.",),
    checks=(Check("loss", Outcome.FAIL, 0.031, 0.02, 8_210, "harm is likely"),),
    served=Served("2", "3fa9c1d2e0b1" + "0" * 52, NOON, "", "Every gateway confirms it."),
    following=("No run begins by itself before 2026-01-20 12:00 UTC.",),
    choices=(Choice("see how it came to this", "sixgates history --project loans"),),
)


def test_the_text_says_all_that_a_person_needs_without_a_dashboard():
    assert text(MESSAGE) == (
        "Gate 5, canary, rolled version 3 back at 5% of the units. (2026-01-19 12:00 UTC)\n\n"
        "What decided:\n"
        "- harm is likely [loss 0.031, limit 0.02, n = 8,210]\n\n"
        "Serving now: version 2 (digest 3fa9c1d2e0b1…), since 2026-01-19 12:00 UTC, alone."
        " Every gateway confirms it.\n\n"
        "What happens next:\n"
        "- No run begins by itself before 2026-01-20 12:00 UTC.\n\n"
        "What you can do:\n"
        "- see how it came to this:\n"
        "  sixgates history --project loans\n\n"
        "Message loans/route/4\n"
    )


def test_nothing_that_serves_is_said():
    assert "Serving now: nothing." in text(replace(MESSAGE, served=None))
    assert document(replace(MESSAGE, served=None))["serving"] is None


@pytest.mark.parametrize("model", ["loans", "m" * 200, "two\nlines"])
@pytest.mark.parametrize("headline", ["confirmed", "h" * 300, "one\r\nBcc: everybody@example.org"])
def test_a_title_is_one_line_under_eighty_characters(model, headline):
    line = title(replace(MESSAGE, model=model, headline=headline))
    assert len(line) <= TITLE_LENGTH < 80
    assert line.isprintable()


def test_a_long_model_name_gives_way_to_what_happened():
    line = title(replace(MESSAGE, model="m" * 100))
    assert line.endswith("…: version 3 rolled back by gate 5, canary")


def test_figures_are_said_once():
    assert checked(at_most("brier", 0.412, 0.4, 8_210)) == "brier 0.412 > limit 0.4 (n = 8,210)"
    nothing = Check("probes", Outcome.FAIL, None, None, 0, "no gateway answers")
    assert checked(nothing) == "no gateway answers"
    unlimited = replace(nothing, n=3)
    assert checked(unlimited) == "no gateway answers [probes none, limit none, n = 3]"


def test_a_sentence_from_outside_cannot_pass_for_a_line_of_ours():
    bad = "bad\n\nServing now: nothing\x1b[31m"
    said = Check("probes", Outcome.FAIL, 0.0, 1.0, 1, bad)
    assert "\n" not in checked(said)
    assert "\x1b" not in checked(said)
    served = replace(MESSAGE.served, confirmed=bad)
    told = text(replace(MESSAGE, happened=(bad,), checks=(said,), served=served, following=(bad,)))
    assert len(told.splitlines()) == len(text(MESSAGE).splitlines())
    assert "\x1b" not in told


def test_the_document_is_json_with_every_figure_and_no_nan():
    unknown = replace(MESSAGE.checks[0], seen=nan)
    found = json.loads(json.dumps(document(replace(MESSAGE, checks=(unknown,))), allow_nan=False))
    assert found["checks"] == [
        {"name": "loss", "outcome": "fail", "seen": None, "required": 0.02, "n": 8_210,
         "sentence": "harm is likely"}
    ]  # fmt: skip
    assert found["serving"]["digest"] == MESSAGE.served.digest
    assert (found["id"], found["outcome"], found["title"]) == (
        "loans/route/4", "rolled_back", "loans: version 3 rolled back by gate 5, canary",
    )  # fmt: skip
    assert found["text"] == text(replace(MESSAGE, checks=(unknown,)))


def test_the_page_of_the_run_is_named_where_there_is_one():
    told = replace(MESSAGE, report="file:///runs/b/report.html")
    assert "The whole story: file:///runs/b/report.html\n" in text(told)
    assert document(told)["report"] == "file:///runs/b/report.html"
    assert "The whole story" not in text(MESSAGE)


def test_a_moment_near_now_is_now():
    assert moment(NOON, NOON) == "2026-01-19 12:00 UTC, now"
