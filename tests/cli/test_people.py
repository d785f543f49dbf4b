import re

import pytest

from cli import people

ROUTE = {
    "champion": {"number": "1"}, "beside": {"version": {"number": "2"}, "share": 0.25}, "epoch": 3,
    "step": "canary", "at": "2026-01-01T00:00:00", "reason": "20 of 20 canary requests at 5%",
}  # fmt: skip


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        ({"share": 0.25, "lapsed": False, "cut": ""}, "25%"),
        ({"share": 0.004, "lapsed": False, "cut": ""}, "0.4%"),
        ({"share": 0.0, "lapsed": True, "cut": ""}, "0% (lapsed)"),
        ({"share": 0.0, "lapsed": False, "cut": "5 of 20 answers failed"}, "0% (cut)"),
    ],
)
def test_status_says_why_a_gateway_holds_a_canary_back(gateway, said, capsys):
    gateway = {"url": "http://a", "champion": "1", "beside": "2", "epoch": 3, **gateway}
    people.status(
        {"model": "tiny", "ledger": ROUTE, "gateways": [gateway], "aliases": None, "brakes": [],
         "approval": None, "unanswered": [], "under_way": None, "unfinished": [], "differences": [],
         "returns": []}
    )  # fmt: skip
    assert said in capsys.readouterr().out


def test_status_shows_the_whole_address_of_each_gateway(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    far = "http://loans-6f9c7d8b5c-x2x7k.sixgates-production.svc.cluster.local:808"
    urls = [f"{far}0", f"{far}1", "http://[fd00:10:244::12]:8080"]
    own = {"champion": "1", "beside": "2", "epoch": 3, "share": 0.25, "lapsed": False, "cut": ""}
    people.status(
        {"model": "tiny", "ledger": ROUTE, "gateways": [{"url": url, **own} for url in urls],
         "aliases": None, "brakes": [], "approval": None, "unanswered": [], "under_way": None,
         "unfinished": [], "differences": [], "returns": []}
    )  # fmt: skip
    first = "".join(re.findall(r"^│ (\S*) *│", capsys.readouterr().out, re.MULTILINE))
    assert all(url in first for url in urls)
