"""The calls of the page: one answer that needs nothing from elsewhere, and data at little cost."""

import asyncio
import base64
import hashlib
import re
import threading

import httpx
import pytest

from sixgates.gates.errors import TransientError
from sixgates.gateway.page import live
from sixgates.gateway.page.record import Reader
from sixgates.ledger.ledger import Kind, Ledger
from tests.gateway.story import now


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine is no silent ledger."""
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 60.0)


def policy_of(answer):
    policy = answer.headers["content-security-policy"]
    return dict(rule.strip().split(" ", 1) for rule in policy.split(";"))


def test_the_page_is_one_answer_that_may_do_nothing_but_what_it_was_made_with(house):
    answer = house.gateway().get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    rules = policy_of(answer)
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert re.findall(r"\b(?:src|href)=\"(?!/|data:)", answer.text) == []
    assert re.findall(r"\bon\w+=|\bstyle=", answer.text) == []
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
                                  "eval(", "localStorage", "cookie"])  # fmt: skip
def test_the_script_puts_nothing_in_as_html_and_keeps_nothing_for_long(house, word):
    assert word not in house.gateway().get("/").text


def test_the_data_tells_who_serves(house, champion, challenger):
    house.route(champion, challenger, 0.25)
    said = house.gateway().get("/page/state").json()
    assert said["headline"] == "Version 1 serves; version 2 is tried on 25%."
    assert said["serving"]["digest"] == champion.digest[:12]
    assert [(e["what"], e["why"], e["actor"]) for e in said["events"]] == [
        ("version 2 canary at 25%", "test", "test")
    ]
    assert (said["silent"], said["evidence"]) == (False, None)


def test_where_others_can_call_the_page_is_open_and_its_data_needs_a_token(house, champion):
    house.route(champion)
    wide = house.gateway(token="may-operate", host="10.0.0.1")
    page = wide.get("/")
    assert page.status_code == 200
    assert champion.digest[:12] not in page.text
    refused = wide.get("/page/state")
    assert (refused.status_code, "Bearer" in refused.json()["error"]) == (401, True)
    wrong = wide.request("GET", "/page/state", headers={"authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    right = wide.request("GET", "/page/state", headers={"authorization": "Bearer may-operate"})
    assert right.json()["headline"] == "Version 1 serves everybody."


@pytest.mark.parametrize("path", ["/", "/page/state"])
def test_the_page_is_for_looking_only(house, path):
    assert house.gateway().post(path, {}).status_code == 405


@pytest.fixture
def reads(monkeypatch):
    """Count how often the ledger is asked, and how often it is read through."""
    counted = {"asked": 0, "read through": 0}

    def counting(name, what):
        whole = getattr(Reader, name)

        def count(self):
            counted[what] += 1
            return whole(self)

        monkeypatch.setattr(Reader, name, count)

    counting("read", "asked")
    counting("_grown", "read through")
    return counted


def test_however_many_look_the_ledger_is_asked_once(house, champion, reads, monkeypatch):
    monkeypatch.setattr(live, "KEPT_SECONDS", 60.0)
    house.route(champion)
    gateway = house.gateway()

    async def look():
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            answers = [http.get("/page/state") for _ in range(50)]
            return await asyncio.gather(*answers)

    bodies = {answer.text for answer in asyncio.run(look())}
    assert len(bodies) == 1
    assert reads == {"asked": 1, "read through": 1}


def test_a_record_that_has_not_grown_is_not_read_again(house, champion, challenger, reads):
    house.route(champion)
    reader = Reader(house.ledger, "churn")
    assert reader.read().routes == reader.read().routes
    assert reads == {"asked": 2, "read through": 1}
    house.renew()
    assert reader.read().lease is not None  # the lease is no part of the record
    house.ledger.append("churn", Kind.NOTICE, at=now(), reason="look here")
    assert reader.read().events[0].reason == "look here"
    house.route(champion, challenger, 0.5)
    assert reader.read().newest.route.epoch == 2
    assert reads == {"asked": 5, "read through": 3}


def test_a_reading_that_broke_off_is_not_taken_for_a_whole_one(house, champion, monkeypatch):
    house.route(champion)
    reader = Reader(house.ledger, "churn")

    def silent(*_):
        raise TransientError("the ledger did not answer")

    monkeypatch.setattr(house.ledger, "lease", silent)
    with pytest.raises(TransientError):
        reader.read()
    monkeypatch.undo()
    assert reader.read().newest.route.epoch == 1


@pytest.fixture
def eager(monkeypatch):
    """Put each document together anew."""
    monkeypatch.setattr(live, "KEPT_SECONDS", 0.0)


@pytest.mark.usefixtures("eager")
def test_a_ledger_that_is_slow_holds_up_nobody_and_is_said(house, champion, monkeypatch):
    house.route(champion)
    gateway, goes_on, asked = house.gateway(), threading.Event(), []

    def slow(self, model, whole=Ledger.head):
        asked.append(model)
        goes_on.wait(60)
        return whole(self, model)

    async def look():
        shown = live.Live(gateway.state)
        before = await shown.json()
        monkeypatch.setattr(Ledger, "head", slow)
        monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.05)
        during = [await shown.json() for _ in range(3)]
        monkeypatch.setattr(live, "PATIENCE_SECONDS", 60.0)
        goes_on.set()
        return before, during, await shown.json()

    before, during, after = asyncio.run(look())
    assert len(asked) == 1  # and not by each that looked
    for page in (before, *during, after):
        assert b"Version 1 serves everybody." in page
    assert b'"silent":false' in before
    assert b'"silent":false' in after
    assert all(b"it takes longer than a second" in page for page in during)


@pytest.mark.usefixtures("eager")
def test_a_ledger_that_breaks_down_leaves_what_was_known(house, champion, challenger, monkeypatch):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()

    def silent(*_):
        raise TransientError("the ledger did not answer: it is locked")

    async def look():
        shown = live.Live(gateway.state)
        before = await shown.json()
        monkeypatch.setattr(Ledger, "head", silent)
        return before, await shown.json()

    before, after = asyncio.run(look())
    assert b"canary at 50%" in before
    assert b"canary at 50%" in after
    assert b"the ledger did not answer: it is locked" in after
