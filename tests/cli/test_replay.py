"""The past judged again: the same figures under the same policy, and named flips under another."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulation.faults import Garbage, as_stored
from simulation.scenario import End, Scenario, project_file
from simulation.world import World as SimulatedWorld
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from tests.conftest import DAYS, KNOWN, ROWS, RULES, START, Town

PATIENT = ("canary.error_margin=0.3", "canary.slow_margin=0.3")
"""Margins that a day of canary requests is enough for."""
UNKNOWN = "could not be recomputed: "


def found(folder, name):
    """Return a town that lives as long as this file: its story is played once."""
    world = SimulatedWorld(3, START, DAYS, ROWS)
    scenario = Scenario(
        name=name, teaches="Nothing.", expected=End.NOTHING, world=world,
        live_from_day=KNOWN, overrides=RULES | {"evaluation": {"max_loss": 0.5}},
    )  # fmt: skip
    path = folder / f"{name}.py"
    path.write_text(project_file(scenario))
    town = Town(folder, world, str(path), f"loans-{name}")
    town.write(world.frame())
    return town


@pytest.fixture(scope="module")
def lived(home, prefect_server, tmp_path_factory):  # noqa: ARG001 - the server must run
    """A refused run, a first model, and a challenger from shadow to confirmed."""
    here = found(tmp_path_factory.mktemp("lived"), "lived")
    here.at(KNOWN)
    here.write(as_stored(here.frame, here.world.start, (Garbage(from_day=15, share=0.6),), seed=1))
    assert here.retrain().name == "Rejected"
    here.write(here.frame)
    assert here.retrain().name == "Released"
    with here.gateway() as url, here.replay(url) as traffic:
        here.live(traffic, 20, 26)
        assert here.retrain().name == "Released"
        ends = {26: "Shadowing", 33: "Canary", 34: "Canary", 38: "Promoted", 40: "Promoted"}
        for (day, end), until in zip(ends.items(), (33, 34, 38, 40, 44), strict=True):
            state = here.tick()
            assert state.name == end, state.message
            here.live(traffic, day, until)
        assert here.tick().name == "Confirmed"
    return here


def ask(here, *changes, code=0):
    words = [word for change in changes for word in ("--policy", change)]
    done = CliRunner().invoke(app, ["replay", "--project", here.path, *words, "--json"])
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout)


def flipped(document):
    return [(v["gate"], v["stored"], v["replayed"]) for v in document["verdicts"] if v["flips"]]


def unknown(document):
    rows = [v for v in document["verdicts"] if v["replayed"] is None]
    assert len(rows) == document["not_recomputed"]
    assert all(v["flips"] is None for v in rows)
    return [(v["gate"], v["reason"]) for v in rows]


@contextmanager
def gone(path):
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def seen(here, gate, check):
    """The stored figures of one check, oldest first."""
    entries = here.ledger.entries(here.model, kind=Kind.VERDICT)
    verdicts = [Verdict.from_dict(e.body) for e in entries]
    return [c.seen for v in verdicts if v.gate is gate for c in v.checks if c.name == check]


def test_without_a_change_every_outcome_and_every_figure_comes_out_again(lived):
    document = ask(lived)
    rows = document["verdicts"]
    assert [(v["gate"], v["stored"]) for v in rows] == lived.verdicts()
    assert {v["gate"] for v in rows} == set(Gate)
    assert [v["replayed"] for v in rows] == [v["stored"] for v in rows]
    assert [v["move"] for v in rows] == [v["stored_move"] for v in rows]
    assert [(v["differs"], v["because"]) for v in rows] == [([], [])] * len(rows)
    assert (document["flips"], document["not_recomputed"], document["policy"]) == (0, 0, {})
    stored = lived.ledger.entries(lived.model, kind=Kind.VERDICT)
    assert [v["reason"] for v in rows] == [e.reason for e in stored]
    assert [v["at"] for v in rows] == [e.at.isoformat() for e in stored]
    assert [v["release"] for v in rows] == [e.release for e in stored]


def test_the_table_ends_with_how_many_would_flip(lived):
    words = ["replay", "--project", lived.path]
    done = CliRunner().invoke(app, words)
    said = " ".join(done.stdout.split())
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{len(lived.verdicts())} verdicts recomputed, 0 would flip" in said
    assert "figures" not in said
    changed = CliRunner().invoke(app, [*words, "--policy", "monitor.periods=7"])
    assert "loans-lived under monitor.periods = 7" in " ".join(changed.stdout.split())
    assert "1 would flip" in changed.stdout


def test_a_stricter_limit_of_gate_3_flips_the_verdict_between(lived):
    first, second = seen(lived, Gate.EVALUATE, "brier")
    document = ask(lived, f"evaluation.max_loss={(first + second) / 2}")
    assert flipped(document) == [("evaluate", "pass", "fail")]
    assert document["flips"] == 1
    (row,) = (v for v in document["verdicts"] if v["flips"])
    assert f"> limit {(first + second) / 2:.4g}" in row["reason"]


def test_a_stricter_margin_of_gate_4_flips_what_had_a_champion(lived):
    document = ask(lived, "comparison.margin=1e-6")
    assert [(gate, was) for gate, was, _ in flipped(document)] == [("compare", "pass")]
    assert document["policy"] == {"comparison.margin": 1e-6}


def test_a_wider_margin_of_the_canary_flips_what_was_open(lived):
    document = ask(lived, *PATIENT)
    assert flipped(document) == [("canary", "inconclusive", "pass")]
    (row,) = (v for v in document["verdicts"] if v["flips"])
    assert (row["at"], row["stored_move"], row["move"]) == (
        (START + timedelta(days=34)).isoformat(), "hold", "promote",
    )  # fmt: skip
    errors, slow = row["because"]
    assert errors.startswith("server errors: not worse by 0.3")
    assert slow.startswith("slow answers: not worse by 0.3")


def test_a_move_may_change_where_the_outcome_stays(lived):
    document = ask(lived, "canary.deadline=P5D")
    moves = {(v["stored_move"], v["move"]) for v in document["verdicts"] if v["gate"] == "canary"}
    assert ("advance", "expire") in moves
    assert document["flips"] == 0
    done = CliRunner().invoke(
        app, ["replay", "--project", lived.path, "--policy", "canary.deadline=P5D"]
    )
    assert "would keep the outcome and move otherwise" in done.stdout


def test_what_gate_1_refused_is_judged_again_on_its_quarantined_rows(lived):
    document = ask(lived, "validation.max_quarantined_share=0.7")
    assert flipped(document) == [("validate", "fail", "pass")]


def test_time_and_memory_of_the_training_are_those_of_its_day(lived):
    first, second = seen(lived, Gate.RETRAIN, "training seconds")
    document = ask(lived, f"training.max_seconds={min(first, second) / 2}")
    assert flipped(document) == [("retrain", "pass", "fail")] * 2


def test_latency_is_that_of_its_day(lived):
    slowest = max(seen(lived, Gate.EVALUATE, "single-row latency in ms"))
    assert ask(lived, f"evaluation.max_latency_ms={slowest}")["flips"] == 0
    assert ask(lived, f"evaluation.max_latency_ms={slowest * 0.999}")["flips"] >= 1


def test_the_limits_are_those_of_today_and_what_shaped_the_model_is_that_of_its_run(lived):
    path = lived.folder / "changed.py"
    path.write_text(
        f"{Path(lived.path).read_text()}\n"
        "training = {'rounds': 99, 'holdout_share': 0.5, 'max_seconds': 1e-6}\n"
        "training = project.policies.training.model_copy(update=training)\n"
        "policies = project.policies.model_copy(update={'training': training})\n"
        "project = project.model_copy(update={'policies': policies})\n"
    )
    document = ask(replace(lived, path=str(path)))
    assert flipped(document) == [("retrain", "pass", "fail")] * 2
    assert [v for v in document["verdicts"] if v["differs"]] == []


def test_another_model_is_not_made_up(lived):
    document = ask(lived, "training.rounds=31", code=4)
    told = unknown(document)
    assert len(told) == len(document["verdicts"]) - 3  # gate 1 knows no model
    assert {gate for gate, _ in told} == set(Gate) - {Gate.VALIDATE}
    sentence = "training.rounds was 30 for this run: with 31 another model would have been trained"
    assert told[0][1] == f"{UNKNOWN}{sentence}"


def test_labels_and_answers_of_the_future_are_not_seen(lived):
    """Later by event time, or told later about a time before the verdict: neither was known."""
    before = ask(lived)
    log = lived.outside.settings.log / lived.model
    verdict = lived.ledger.entries(lived.model, kind=Kind.VERDICT)[-1]
    soon, now = (verdict.at - datetime(1970, 1, 1)).total_seconds(), time.time()  # noqa: DTZ001
    day = 86_400.0
    answers = [
        {"request": f"late-{n}", "row": 0, "entity": f"late-{n}", "at": at, "epoch": epoch,
         "arm": arm, "version": version, "values": [value], "error": "", "micros": 1.0,
         "received": received}
        for n, (at, received) in enumerate([(soon + day, 0.0), (soon - 9 * day, now)] * 200)
        for epoch in (2, 3, 4)
        for arm, version, value in (("champion", "1", 0.0), ("canary", "2", 1.0))
    ]  # fmt: skip
    labels = [
        {"request": a["request"], "row": 0, "label": "0", "at": a["at"], "received": a["received"]}
        for a in answers[::6]
    ]
    lived.ledger.append(
        lived.model, Kind.BREAKER, at=verdict.at, release=verdict.release, reason="cut off later",
        body={"epoch": 4, "reason": "it failed", "seen": 5, "limit": 5, "n": 5},
    )  # fmt: skip
    paths = [log / "predictions-9-1.jsonl", log / "labels-9-1.jsonl"]
    try:
        for path, records in zip(paths, (answers, labels), strict=True):
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        assert ask(lived) == before
    finally:
        for path in paths:
            path.unlink()


def test_a_missing_model_is_named_and_the_rest_is_judged(lived):
    digest = lived.ledger.route(lived.model).champion.digest
    path = lived.outside.settings.store / lived.model / f"{digest}.txt"
    with gone(path):
        document = ask(lived, code=4)
    told = unknown(document)
    assert [gate for gate, _ in told] == ["evaluate", "compare", *["canary"] * 4, *["monitor"] * 2]
    assert all(digest in reason for _, reason in told)
    assert told[0][1].startswith(f"{UNKNOWN}the model store lacks")
    assert document["flips"] == 0


def test_a_missing_or_changed_data_set_is_named(lived):
    runs = [e.release for e in lived.ledger.entries(lived.model, kind=Kind.RUN)]
    accepted, quarantine = (
        lived.outside.settings.runs / runs[1] / f"{name}.parquet"
        for name in ("accepted", "quarantine")
    )
    with gone(accepted):
        told = unknown(ask(lived, code=4))
        assert [gate for gate, _ in told] == ["validate", "evaluate", "compare"]
        assert all("is gone" in reason for _, reason in told)
    whole = quarantine.read_bytes()
    quarantine.write_bytes(accepted.read_bytes())
    try:
        ((gate, reason),) = unknown(ask(lived, code=4))
        assert gate == "validate"
        assert "was changed since it was stored" in reason
    finally:
        quarantine.write_bytes(whole)


def test_rows_that_the_project_of_today_cannot_read_are_named(lived):
    path = lived.folder / "renamed.py"
    path.write_text(
        f"{Path(lived.path).read_text()}\n"
        "roles = project.roles.model_copy(update={'label': 'failed'})\n"
        "contract = project.contract.rename_columns({'defaulted': 'failed'})\n"
        "project = project.model_copy(update={'roles': roles, 'contract': contract})\n"
    )
    told = unknown(ask(replace(lived, path=str(path)), code=4))
    assert [gate for gate, _ in told] == ["evaluate", "compare"] * 2
    assert all("do not fit the project as it is today" in reason for _, reason in told)


def test_a_verdict_without_inputs_is_a_row_of_its_own(home, tmp_path):  # noqa: ARG001
    here = found(tmp_path, "old-record")
    check = Check("brier", Outcome.PASS, 0.1, 0.2, 10, "brier 0.1 <= limit 0.2 (n = 10)")
    probes = Check("probes", Outcome.FAIL, 0.0, 1.0, 1, "probe 3 answers 0.4 and not 0.5")
    before_data = {"as_of": START.isoformat(), "new_after": None, "accepted": "", "quarantined": ""}
    here.ledger.append(
        here.model, Kind.VERDICT, at=START, release="r0", reason="ok",
        body={**Verdict.of(Gate.VALIDATE, [check]).to_dict(), "epoch": 0, "inputs": before_data},
    )  # fmt: skip
    for gate, one in ((Gate.EVALUATE, check), (Gate.CANARY, probes), (Gate.MONITOR, check)):
        verdict = Verdict.of(gate, [one])
        here.ledger.append(
            here.model, Kind.VERDICT, at=START, release="r1", reason=verdict.reason,
            body={**verdict.to_dict(), "epoch": 0},
        )  # fmt: skip
    document = ask(here, code=4)
    assert unknown(document) == [
        (
            "validate",
            f"{UNKNOWN}it was recorded before gate 1 kept what it measured of the data",
        ),
        ("evaluate", f"{UNKNOWN}it was recorded before verdicts kept what they were judged on"),
        ("monitor", f"{UNKNOWN}the ledger has no route of its epoch"),
    ]
    assert document["verdicts"][2]["replayed"] == "fail"  # no policy judges the probes


def test_a_project_without_a_past_has_nothing_to_replay(home, tmp_path):  # noqa: ARG001
    assert ask(found(tmp_path, "newborn"))["verdicts"] == []


def test_a_long_replay_says_how_far_it_is(lived, monkeypatch):
    monkeypatch.setattr("cli.replay._QUIET_SECONDS", -1.0)
    done = CliRunner().invoke(app, ["replay", "--project", lived.path, "--json"])
    total = len(json.loads(done.stdout)["verdicts"])
    assert f"1 of {total} verdicts recomputed" in done.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("canary.margin", "is not <policy>.<field>=<value>: write it like canary.margin=0.01"),
        ("margin=0.01", "is not <policy>.<field>=<value>"),
        ("canary.margin=", "is not <policy>.<field>=<value>"),
        ("kanary.margin=0.01", "names no policy of a gate: choose one of validation, training,"),
        ("watch.window=P1D", "names no policy of a gate"),
        ("canary.marge=0.01", "canary has no field 'marge': choose one of margin, alpha, beta,"),
        ("canary.margin=wide", "canary.margin is refused: Input should be a valid number"),
        ("canary.margin=-1", "canary.margin is refused: Input should be greater than 0"),
        ("canary.margin=nan", "canary.margin is refused"),
        ("canary.margin=none", "canary.margin is refused"),
        ("canary.margin=2", "margin 2.0 is not below the largest loss"),
        ("evaluation.max_loss=nan", "evaluation.max_loss is refused: nan is no limit"),
        ("monitor.run_length=inf", "monitor.run_length is refused: inf is no limit"),
        ("canary.deadline=7", "canary.deadline is refused: Input should be a valid timedelta"),
        ("canary.shares=[0.5,0.1]", "canary.shares is refused: shares must grow"),
        ("canary.shares=[0.5", "canary.shares is refused"),
        ("comparison.cold_start=perhaps", "Input should be 'refuse' or 'serve'"),
    ],
)
def test_a_bad_policy_is_one_sentence(home, change, sentence):  # noqa: ARG001
    done = CliRunner().invoke(app, ["replay", "--project", "loans", "--policy", change])
    said = " ".join(done.stderr.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("canary.shares=[0.1, 0.5]", [0.1, 0.5]),
        ("canary.deadline=14 days", "P14D"),
        ("evaluation.max_loss=None", None),
        ("comparison.cold_start=refuse", "refuse"),
        (" monitor.periods = 9", 9),
    ],
)
def test_values_are_written_as_a_person_would(home, tmp_path, change, told):  # noqa: ARG001
    (value,) = ask(found(tmp_path, "values"), change)["policy"].values()
    assert value == told
