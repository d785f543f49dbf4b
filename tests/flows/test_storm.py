"""Alerts that a real worker answers: one run each in any storm, none lost by a redeploy."""

import pytest

from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from tests.flows.a_country import Country, settled, speaking_with

pytestmark = pytest.mark.slow

REFUSED = {"comparison": {"margin": 1e-6}}
"""No challenger is proved to be that close to the champion."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("country")


@pytest.fixture(scope="module")
def country(home):
    with Processes(home / "logs", own_groups=True) as processes, pytest.MonkeyPatch.context() as my:
        stack = Stack(home, processes)
        stack.env["SIXGATES_CLOCK"] = str(home / "clock")
        for name, value in stack.env.items():
            if name.startswith("SIXGATES_"):
                my.setenv(name, value)
        stack.start_prefect()
        towns = {
            "first": settled(home, "first", **REFUSED),
            "opens": settled(home, "opens"),
            "second": settled(home, "second", **REFUSED),
            "third": settled(home, "third", **REFUSED),
        }
        stack.wait_for_prefect(240.0)
        stack.start_worker(stack.env)
        with speaking_with(stack.env["PREFECT_API_URL"]) as client:
            for town in towns.values():
                assert town.retrain().name == "Released"
            here = Country(stack, client, towns)
            here.deploy()
            with towns["opens"].gateway():
                yield here


def test_an_event_starts_a_run_that_ends_in_a_verdict(country):
    country.at(26)
    town = country.towns["first"]
    alert = country.alert("first")
    country.announce("first", alert, town.data)
    country.wait_for_answers(first=alert)
    assert country.ended(alert) == ["Rejected"]
    (run,) = country.runs(alert)
    assert run["name"] == "retrain-first"
    expected = {"project": town.path, "data": town.data, "alert": alert, "trigger": "drift"}
    assert run["parameters"] == expected
    assert country.ending("first", alert) == "refused at compare"


def test_a_storm_of_events_over_three_models_ends_in_three_runs(country):
    country.at(27)
    alerts = {name: country.alert(name) for name in ("opens", "second", "third")}
    before = country.events(*alerts)
    for n in range(50):
        name = list(alerts)[n % 3]
        country.announce(name, alerts[name])
    country.wait_for(lambda: country.events(*alerts) == before + 50)
    country.wait_for_answers(**alerts)
    assert country.began(*alerts.values()) == sorted(alerts.values())
    endings = [country.ending(name, alert) for name, alert in alerts.items()]
    assert endings == ["released", "refused at compare", "refused at compare"]
    assert {run["parameters"]["data"] for run in country.runs(*alerts.values())} == {None}


def test_a_redeploy_in_a_storm_loses_no_alert_and_doubles_none(country):
    country.at(28)
    alerts = {name: country.alert(name) for name in ("first", "third")}
    twice, lost = alerts.values()

    def storm(runs):
        country.announce("first", twice)
        return len(country.runs(twice)) >= runs

    country.wait_for(lambda: storm(runs=1))
    country.forget_the_automation()
    before = country.events("third")
    country.announce("third", lost)
    country.wait_for(lambda: country.events("third") > before)
    country.deploy()
    country.wait_for(lambda: storm(runs=2))  # a window begins with the automation that is new
    assert country.runs(lost) == []

    looked = country.look("third")
    assert looked.name == "Alerted"
    assert looked.message.startswith(f"alert {lost} is unanswered")
    country.wait_for_answers(**alerts)
    assert country.began(twice, lost) == sorted([twice, lost])
    assert "Rejected" in country.ended(lost)
    assert set(country.ended(twice)) == {"Busy", "Rejected"}
