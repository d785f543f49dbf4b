"""Two models of a release that have not the same classes: clients read the champion's."""

import pytest

from sixgates.gates.card import Task
from sixgates.gates.records import Arm
from sixgates.gateway.split import is_beside

FEW, MORE = ("high", "low", "mid"), ("extra", "high", "low", "mid")
INFER = "/v2/models/churn/infer"
KINDS = (("age", "FP64"), ("spend", "FP64"), ("region", "BYTES"), ("customer", "BYTES"))


@pytest.fixture(scope="module")
def few(train):
    return train(Task.MULTICLASS, seed=1, classes=FEW)


@pytest.fixture(scope="module")
def more(train):
    return train(Task.MULTICLASS, seed=2, classes=MORE)


@pytest.fixture(params=["gained", "held back"])
def route(request, house, few, more):
    """A champion and the model beside it; which one has more classes."""
    gained = request.param == "gained"
    champion, beside, arm = (few, more, Arm.CANARY) if gained else (more, few, Arm.HOLDBACK)
    for one in (champion, beside):
        one.put(house.store)
    house.route(champion, beside, 0.5, arm=arm)
    return champion, beside


def answers_of(route, rows):
    """What clients must read, by the classes' names; 0 for one that a model never learned."""
    champion, beside = route
    return [
        [
            dict(zip(one.card.classes, one.expected([row])[0], strict=True)).get(name, 0.0)
            for name in champion.card.classes
        ]
        for row in rows
        for one in [beside if is_beside("r1", row["customer"], 0.5) else champion]
    ]


def test_a_row_is_answered_in_the_champions_classes_whoever_answers_it(house, route, sample_rows):
    gateway, rows = house.gateway(), sample_rows(20)
    together = gateway.score(rows).json()["predictions"]
    alone = [gateway.score([row]).json()["predictions"][0] for row in rows]
    assert together == alone == answers_of(route, rows)


def test_some_rows_that_are_all_beside_are_answered_in_them_too(house, route, sample_rows):
    gateway = house.gateway()
    rows = [row for row in sample_rows(20) if is_beside("r1", row["customer"], 0.5)]
    assert gateway.score(rows).json()["predictions"] == answers_of(route, rows)


def test_the_shape_of_a_tensor_is_that_of_its_numbers_and_of_the_metadata(
    house, route, sample_rows
):
    gateway, rows = house.gateway(), sample_rows(20)
    promised = gateway.get("/v2/models/churn").json()["outputs"][0]["shape"][1]
    for asked in ([rows[0]], [rows[1]], [rows[2]], rows):
        inputs = [
            {"name": name, "datatype": kind, "shape": [len(asked)],
             "data": [row[name] for row in asked]}
            for name, kind in KINDS
        ]  # fmt: skip
        output = gateway.post(INFER, {"inputs": inputs}).json()["outputs"][0]
        assert output["shape"] == [len(asked), promised]
        assert output["data"] == [n for answer in answers_of(route, asked) for n in answer]


def test_the_log_keeps_what_each_model_said_in_its_own_classes(house, route, sample_rows):
    gateway, rows = house.gateway(), sample_rows(20)
    gateway.score(rows)
    gateway.score([rows[0]])
    own = dict(zip("12", route, strict=True))
    seen = house.predictions()
    assert {p.arm for p in seen} >= {Arm.CHAMPION, Arm.SHADOW}
    assert len(seen) == 42
    for p in seen:
        assert list(p.values) == own[p.version].expected([rows[p.row]])[0]


def test_a_row_that_the_one_beside_cannot_answer_is_the_champions(
    house, route, sample_rows, monkeypatch
):
    gateway, rows = house.gateway(), sample_rows(20)
    beside = gateway.follower.served.beside.model.booster
    predict = beside.predict

    def fail_first(packed):
        return [(float("nan"),) * beside.outputs, *predict(packed)[1:]]

    monkeypatch.setattr(beside, "predict", fail_first)
    failed = next(i for i, row in enumerate(rows) if is_beside("r1", row["customer"], 0.5))
    expected = answers_of(route, rows)
    expected[failed] = route[0].expected([rows[failed]])[0]
    assert gateway.score(rows).json()["predictions"] == expected
