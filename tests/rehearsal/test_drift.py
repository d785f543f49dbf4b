"""The scenarios of drift, played virtually."""

import dataclasses
from datetime import timedelta

import pytest

from simulation.catalogue.drift import DRIFT
from simulation.scenario import End
from tests.rehearsal.played import played


@pytest.mark.parametrize("scenario", DRIFT, ids=lambda s: s.name)
def test_it_ends_as_it_must(scenario, tmp_path):
    result = played(scenario, tmp_path)
    assert result["actual"] == scenario.expected, result["reason"]
    assert result["ok"]
    assert result["failed_requests"] == 0
    assert result["proved"]


def test_an_alert_by_the_loss_has_the_rows_since_the_change_learnt_alone(tmp_path):
    (hidden,) = (s for s in DRIFT if s.name == "hidden-concept")
    turn = hidden.world.moment(hidden.world.shifts[0].from_day)
    training = {"window": timedelta(days=20), "since_drift": True}
    scenario = dataclasses.replace(
        hidden,
        expected=End.UNDECIDED,
        world=dataclasses.replace(hidden.world, days=hidden.live_from_day + 13),
        overrides={"training": training, "validation": {"min_rows": 500}},
    )
    result = played(scenario, tmp_path)
    assert result["ok"], result["reason"]
    (alert,) = result["alerts"]
    assert alert["since"] == turn.isoformat()
    assert f"rising since {turn:%Y-%m-%d %H:%M}" in alert["reason"]
    first, second = (
        {check["name"]: check for check in verdict["checks"]}
        for verdict in result["verdicts"]
        if verdict["gate"] == "retrain"
    )
    assert "window since the drift" not in first
    window = second["window since the drift"]
    assert (window["outcome"], window["muted"]) == ("pass", True)
    assert window["seen"] == second["validation loss"]["seen"] < window["required"] - 0.02
    assert f"since the drift began ({turn}) alone" in window["sentence"]
