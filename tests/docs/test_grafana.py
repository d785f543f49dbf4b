"""The dashboard file asks for what a gateway really exposes, in the shape that Grafana imports."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.conftest import House, sample_rows, train

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "docs/grafana/sixgates-gateway.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES += [note["expr"] for note in DASHBOARD["annotations"]["list"] if "expr" in note]
SERIES = re.compile(r"sixgates_\w+")
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
OF_SCRAPING = {"instance", "job"}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory):
    """The series of a gateway that has answered, refused, and split; each with its labels."""
    house = House(tmp_path_factory.mktemp("gateway"))
    champion, challenger = train(seed=1), train(seed=2)
    for model in (champion, challenger):
        model.put(house.store)
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    gateway.score(sample_rows(40))
    gateway.score([{}])
    text = gateway.get("/metrics").text
    house.ledger.close()
    families = list(text_string_to_metric_families(text))
    return {
        family.name + suffix: {name for sample in family.samples for name in sample.labels}
        for family in families
        for suffix in SUFFIXES[family.type]
    }


@pytest.mark.parametrize("name", sorted({name for q in QUERIES for name in SERIES.findall(q)}))
def test_every_series_that_is_asked_for_is_exposed(exposed, name):
    assert name in exposed


def test_every_label_that_is_asked_for_is_borne_by_its_series(exposed):
    for query in QUERIES:
        grouped = re.findall(r"by \(([^)]*)\)", query)
        picked = re.findall(r"[{,](\w+)(?==~?\")", query)
        asked = {label.strip() for group in grouped for label in group.split(",")} | set(picked)
        borne = [exposed.get(name) for name in SERIES.findall(query)]
        if all(borne):  # a counter that counted nothing yet shows none
            assert asked <= OF_SCRAPING.union(*borne), query


def test_everything_that_the_reference_lists_is_on_the_dashboard():
    reference = (ROOT / "docs/reference/gateway.md").read_text()
    listed = re.findall(r"^\| `(sixgates_gateway_\w+)` \|", reference, re.MULTILINE)
    assert len(listed) >= 10
    asked = " ".join(QUERIES)
    assert [name for name in listed if name not in asked] == []


def test_the_file_has_the_shape_that_grafana_imports():
    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("sixgates gateway", "sixgates-gateway")
    assert DASHBOARD["id"] is None  # Grafana gives it one
    assert DASHBOARD["schemaVersion"] >= 36
    assert {"time", "refresh", "annotations", "templating"} <= set(DASHBOARD)
    variables = {v["name"]: v for v in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
        "datasource", "prometheus",
    )  # fmt: skip
    assert variables["model"]["query"]["query"] == "label_values(sixgates_gateway_epoch, model)"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        refs = [target["refId"] for target in panel["targets"]]
        assert refs == [chr(ord("A") + n) for n in range(len(refs))] != []


def test_it_names_no_installation():
    for panel in PANELS:
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for query in QUERIES:
        assert query.count("{") == query.count('{model="$model"')
        assert "instance=" not in query


def test_panels_neither_overlap_nor_leave_the_page():
    taken = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_brackets_of_every_query_close():
    for query in QUERIES:
        assert all(query.count(left) == query.count(right) for left, right in ("()", "[]", "{}"))
