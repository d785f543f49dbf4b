"""The kill matrix in short: a few deaths of each kind, and proof that it sees what is broken."""

from collections import Counter
from copy import deepcopy

import pytest

from cli.rehearsal.matrix import whole
from cli.rehearsal.matrix.ends import Ends
from cli.rehearsal.matrix.faults import FAULTS
from cli.rehearsal.matrix.findings import Findings
from cli.rehearsal.matrix.jobs import JOBS
from cli.rehearsal.matrix.play import Stage
from cli.rehearsal.matrix.points import deaths
from cli.rehearsal.matrix.scenes import PROMOTION, RETRAIN, ROLLBACK, SCENES
from cli.rehearsal.matrix.town import Town
from cli.rehearsal.matrix.walks import Walker
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from sixgates.adapters.effects import Effect, Point

pytestmark = pytest.mark.slow

EVERY = 12
"""Of the places around effects, each so many-th is played."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A town that lives through the story as far as the tests need it."""
    home = tmp_path_factory.mktemp("matrix")
    with Processes(home / "logs", own_groups=True) as processes:
        env = Stack(home, processes).env
        del env["PREFECT_API_URL"]
        town = Town(home / "town", processes, env)
        walker = Walker(processes, town)
        yield Stage(town, walker, lambda _: None)


@pytest.fixture
def found(stage):
    """What one test finds."""
    stage.findings = Findings()
    return stage.findings


def require_nothing(found):
    assert found.failures == []
    found.violations.pop("late gateways")  # a busy machine; the full matrix judges it
    assert {kind: said for kind, said in found.violations.items() if said} == {}


@pytest.mark.parametrize("scene", [RETRAIN, PROMOTION, ROLLBACK], ids=lambda scene: scene.name)
def test_a_walk_that_is_killed_leaves_nothing_half_done(stage, found, scene):
    places = []

    def chosen(all_places):
        places.extend(all_places)
        around = [place for place in all_places if not place.is_write]
        writes = [place for place in all_places if place.is_write]
        return [*around[::EVERY], writes[len(writes) // 2]]

    stage.play_deaths(scene, chosen)

    require_nothing(found)
    assert found.plays == found.points == sum(found.effects.values())
    effects = Counter(place.name.split(":")[0] for place in places if not place.is_write)
    assert set(effects) <= set(Effect)
    assert all(n % len(Point) == 0 for n in effects.values())
    assert sum(place.is_write for place in places) >= 2 * sum(effects.values()) / len(Point)


@pytest.mark.parametrize("name", ["MLflow unreachable", "disk full", "gateway killed after 0.2 s"])
def test_a_walk_that_meets_a_fault_ends_as_without_it(stage, found, name):
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    stage.play_fault(PROMOTION, fault)
    require_nothing(found)
    assert found.requests > 0


@pytest.mark.parametrize("record", ["predictions:torn", "labels:after"])
def test_what_a_dying_gateway_had_acknowledged_is_there_once(stage, found, record):
    stage.play_record(PROMOTION, record, 5)
    require_nothing(found)


@pytest.fixture
def seen():
    """What a look shows where all is well."""
    route = {
        "epoch": 2, "step": "promoted", "release": "r", "actor": "sixgates", "champion": "b",
        "beside": "a", "share": 0.05, "versions": ["2", "1"],
    }  # fmt: skip
    first = route | {"epoch": 1, "step": "shadow", "champion": "a", "beside": "b"}
    return {
        "routes": [first | {"versions": ["1", "2"]}, route],
        "verdicts": [["r", "canary", 1, "pass", "promote"]],
        "answers": [["r", "released"]],
        "gateways": [{"url": "http://g", "champion_digest": "b"}],
        "aliases": {"champion": "2"},
        "unfinished": [], "unanswered": [], "tracked": [], "live": False, "chain": [],
        "differences": [],
    }  # fmt: skip


def violated(seen, change):
    """Return the kinds that are violated once something changed."""
    broken = deepcopy(seen)
    change(broken)
    kinds = whole.differences(seen, broken, seen, Ends.ALIKE)
    kinds["champions"] = whole.champions(broken)
    return {kind for kind, said in kinds.items() if said}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("champions", lambda s: s["gateways"][0].update(champion_digest="c")),
        ("champions", lambda s: s["gateways"][0].update(champion_digest="")),
        ("champions", lambda s: s["aliases"].pop("champion")),
        ("champions", lambda s: s["aliases"].update(champion="7")),
        ("verdicts", lambda s: s["verdicts"].append(s["verdicts"][0])),
        ("verdicts", lambda s: s["verdicts"].clear()),
        ("answers", lambda s: s["answers"].append(s["answers"][0])),
        ("left open", lambda s: s["unfinished"].append("move_release")),
        ("left open", lambda s: s["unanswered"].append("r")),
        ("left open", lambda s: s["tracked"].append("r")),
        ("left open", lambda s: s.update(live=True)),
        ("chain", lambda s: s["chain"].append("entry 7 was changed")),
        ("ending", lambda s: s["routes"][-1].update(step="canary")),
        ("ending", lambda s: s["answers"].clear()),
    ],
)
def test_each_kind_of_violation_is_seen(seen, kind, change):
    assert violated(seen, lambda _: None) == set()
    assert kind in violated(seen, change)


def test_lost_and_doubled_records_are_told():
    assert whole.lost(["a", "b"], ["b"]) == ["a"]
    assert whole.doubled(["a", "b", "b"]) == ["b is on record 2 times"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["routes"][-1].update(step="promoted"),
        lambda s: s["gateways"][0].update(champion_digest="b"),
        lambda s: s["gateways"][0].update(share=0.05),
        lambda s: s["gateways"].clear(),
        lambda s: s.update(aliases=None),
    ],
)
def test_a_rollback_that_took_nothing_back_is_told(seen, change):
    seen["routes"][-1] |= {"step": "rolled_back", "champion": "a", "share": 0.0}
    seen["gateways"] = [{"url": "http://g", "champion_digest": "a", "share": 0.0}]
    assert whole.taken_back(seen) == []
    change(seen)
    assert len(whole.taken_back(seen)) == 1


def test_every_effect_and_every_write_is_a_place_to_die():
    places = list(deaths(dict.fromkeys(Effect, 1), 3))
    assert len(places) == len(Effect) * len(Point) + 3
    assert len({(*place.environment.items(),) for place in places}) == len(places)
    assert {scene.name for scene in SCENES} <= set(JOBS)
