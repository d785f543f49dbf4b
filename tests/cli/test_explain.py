import json

import pytest
from typer.testing import CliRunner

from cli.main import app


def ask(*words):
    done = CliRunner().invoke(app, ["explain", *words])
    return done.exit_code, done.stdout, " ".join(done.stderr.split())


def test_a_project_that_can_decide_is_explained():
    code, out, _ = ask("--project", "loans", "--requests-per-day", "400")
    assert code == 0
    assert "The margin is 0.01" in out
    assert "loans can decide at 400 requests a day" in out


@pytest.mark.parametrize("name", ["loans", "electricity", "bikes"])
def test_the_examples_can_decide_at_their_own_traffic(name):
    rate = {"loans": "400", "electricity": "48", "bikes": "24"}[name]
    code, out, _ = ask("--project", name, "--requests-per-day", rate, "--json")
    assert (code, json.loads(out)["problems"]) == (0, [])


def test_too_little_traffic_is_refused_in_words_with_its_own_code():
    code, out, _ = ask("--project", "loans", "--requests-per-day", "2")
    assert code == 3
    assert "cannot decide" in out
    assert "can decide at" not in out


def test_json_stands_alone_and_knows_no_infinity():
    code, out, _ = ask("--project", "loans", "--requests-per-day", "0", "--json")

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads(out, parse_constant=refuse)
    assert code == 3
    assert set(found) == {"project", "assumed", "expected", "sections", "problems"}
    assert found["expected"]["promote_days"] is None
    assert found["problems"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--project", "nothing-of-the-kind"], "nothing-of-the-kind"),
        (["--project", "loans", "--base-rate", "2"], "base rate 2.0"),
        (["--project", "loans", "--effect-size", "0"], "effect size 0.0"),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence):
    code, _, err = ask(*words)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
