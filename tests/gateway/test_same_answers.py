"""The same frame in every protocol gets the model's own answers, bit for bit."""

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgates.gates.card import Feature, Task

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
regions = st.sampled_from(["north", "south", "west", "unseen", "", None]) | text
frames = st.lists(
    st.fixed_dictionaries(
        {"age": st.none() | numbers, "spend": st.none() | numbers, "region": regions}
    ),
    min_size=1,
    max_size=5,
)
orders = st.permutations(["age", "spend", "region", "of no meaning"])


def own_answers(trained, rows):
    """LightGBM's own predict, on a matrix that is not made by the code under test."""
    levels = [*trained.card.features[2].levels]
    matrix = [
        [
            math.nan if row["age"] is None else row["age"],
            math.nan if row["spend"] is None else row["spend"],
            levels.index(row["region"]) if row["region"] in levels else math.nan,
        ]
        for row in rows
    ]
    return trained.booster.predict(np.array(matrix, dtype=np.float64), num_threads=1)


def bits(answers):
    return np.asarray(answers, dtype=np.float64).tobytes()


def as_csv(columns, rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in rows)
    return out.getvalue().encode()


def tensor(name, values, **more):
    datatype = "BYTES" if any(isinstance(value, str) for value in values) else "FP64"
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": values, **more}


def as_tensors(columns, rows, *, upright):
    tensors = [tensor(name, [row[name] for row in rows]) for name in columns]
    if upright:
        tensors = [
            {**t, "shape": [len(rows), 1], "data": [[value] for value in t["data"]]}
            for t in tensors
        ]
    return {"inputs": tensors}


def behind_json(columns, rows):
    """Tensors as bytes: a missing number is NaN, a missing name the empty one."""
    inputs, behind = [], b""
    for one in as_tensors(columns, rows, upright=False)["inputs"]:
        data = one.pop("data")
        if one["datatype"] == "FP64":
            raw = np.array([math.nan if v is None else v for v in data], dtype="<f8").tobytes()
        else:
            texts = [(value or "").encode() for value in data]
            raw = b"".join(len(t).to_bytes(4, "little") + t for t in texts)
        inputs.append({**one, "parameters": {"binary_data_size": len(raw)}})
        behind += raw
    return json.dumps({"inputs": inputs}).encode(), behind


def invoked(gateway, body):
    answer = gateway.post("/invocations", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def inferred(gateway, body, behind=b""):
    head = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = gateway.request(
        "POST",
        "/v2/models/churn/infer",
        content=head + behind,
        headers={"inference-header-content-length": str(len(head))} if behind else {},
    )
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    return np.reshape(output["data"], output["shape"])


@pytest.fixture(params=Task)
def served(request, house, train):
    trained = train(request.param, seed=9)
    trained.put(house.store)
    house.route(trained)
    return trained, house.gateway()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=frames, columns=orders)
def test_every_protocol_gives_the_models_own_answers(served, frame, columns):
    trained, gateway = served
    rows = [{name: row.get(name, "7") for name in columns} for row in frame]
    own = bits(own_answers(trained, rows))
    split = {"columns": columns, "data": [[row[name] for name in columns] for row in rows]}
    for body in (
        {"dataframe_split": split},
        {"dataframe_records": rows},
        {"inputs": rows},
        {"instances": rows},
    ):
        assert bits(invoked(gateway, body)) == own
    table = gateway.request(
        "POST",
        "/invocations",
        content=as_csv(columns, rows),
        headers={"content-type": "text/csv; charset=utf-8"},
    )
    assert bits(table.json()["predictions"]) == own
    for upright in (False, True):
        assert bits(inferred(gateway, as_tensors(columns, rows, upright=upright))) == own
    assert bits(inferred(gateway, *behind_json(columns, rows))) == own


@given(
    frame=st.lists(
        st.tuples(st.none() | numbers, st.none() | numbers, st.none() | st.integers(0, 4)),
        min_size=1,
        max_size=5,
    ),
    kind=st.sampled_from([int, float]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_categories_that_are_numbers_go_by_name_in_every_protocol(house, champion, frame, kind):
    named = by_number(champion)
    named.put(house.store)
    house.route(named)
    gateway = house.gateway()
    matrix = [[a, s, r if r is None else kind(r)] for a, s, r in frame]
    rows = [dict(zip(("age", "spend", "region"), row, strict=True)) for row in matrix]
    own = bits(own_answers(named, [{**r, "region": f"{r['region']:.0f}"} if r["region"] is not None
                                   else r for r in rows]))  # fmt: skip
    shape = [len(matrix), 3]
    flat = [value for row in matrix for value in row]
    assert bits(invoked(gateway, {"dataframe_records": rows})) == own
    for data in (matrix, flat):
        whole = {"name": "all", "shape": shape, "datatype": "FP64", "data": data}
        assert bits(inferred(gateway, {"inputs": [whole]})) == own
    table = gateway.request(
        "POST",
        "/invocations",
        content=as_csv(["age", "spend", "region"], rows),
        headers={"content-type": "text/csv"},
    )
    assert bits(table.json()["predictions"]) == own


def by_number(trained):
    """The same model, its regions named 1, 2 and 3."""
    features = (*trained.card.features[:2], Feature("region", ("1", "2", "3")))
    names = dict(zip(trained.card.features[2].levels, "123", strict=True))
    probes = tuple(
        replace(p, row={**p.row, "region": names.get(p.row["region"])}) for p in trained.card.probes
    )
    return replace(trained, card=replace(trained.card, features=features, probes=probes))
