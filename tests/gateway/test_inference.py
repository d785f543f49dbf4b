from collections import Counter

import pytest

from sixgates.gates.records import Arm
from sixgates.gateway.protocols.protocol import MAX_ROWS

ROW = {"age": 30.0, "spend": 1.0, "region": "north"}
INFER = "/v2/models/churn/infer"


def tensor(name, datatype, data, shape=None, **more):
    return {"name": name, "datatype": datatype, "data": data,
            "shape": [len(data)] if shape is None else shape, **more}  # fmt: skip


AGE = tensor("age", "FP64", [30.0, None])
SPEND = tensor("spend", "INT32", [1, 2])
REGION = tensor("region", "BYTES", ["north", "west"])
ROWS = [ROW, {"age": None, "spend": 2, "region": "west"}]


def asked(*more, **fields):
    return {"inputs": [AGE, SPEND, REGION, *more], **fields}


@pytest.fixture
def gateway(house, champion):
    house.route(champion)
    return house.gateway()


def test_the_answer_says_who_answered_and_what(gateway, champion):
    body = asked(id="order-7", outputs=[{"name": "predict", "parameters": {"binary_data": True}}])
    answer = gateway.post(INFER, body, headers={"x-request-id": "not-this"})
    assert answer.headers["x-request-id"] == "order-7"
    assert answer.headers["x-sixgates-epoch"] == "1"
    data = champion.expected(ROWS)
    assert answer.json() == {
        "model_name": "churn",
        "model_version": "1",
        "id": "order-7",
        "parameters": {"epoch": 1},
        "outputs": [{"name": "predict", "datatype": "FP64", "shape": [2], "data": data}],
    }


def test_null_is_as_good_as_nothing_where_nothing_has_to_be_said(gateway, champion):
    age = {**AGE, "parameters": None}
    for outputs in (None, [{"name": "predict", "parameters": None}]):
        body = {"inputs": [age, SPEND, REGION], "id": None, "outputs": outputs, "parameters": None}
        answer = gateway.post(INFER, body, headers={"x-request-id": "order-7"}).json()
        assert (answer["id"], answer["outputs"][0]["data"]) == ("order-7", champion.expected(ROWS))


def test_entity_time_and_identifier_are_logged(house, gateway):
    units = tensor("customer", "INT64", [7, 8])
    times = tensor("when", "BYTES", ["1970-01-01T00:00:06", "1970-01-01T00:00:07"])
    answer = gateway.post(INFER, asked(units, times), headers={"x-request-id": "q"})
    assert answer.json()["id"] == answer.headers["x-request-id"] == "q"
    lines = [(p.request, p.row, p.entity, p.at) for p in house.predictions()]
    assert lines == [("q", 0, "7", 6.0), ("q", 1, "8", 7.0)]


def test_rows_are_split_shadowed_and_counted_as_those_of_invocations(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    rows = sample_rows(40)
    inputs = [
        tensor(name, kind, [row[name] for row in rows])
        for name, kind in (("age", "FP64"), ("spend", "FP64"), ("region", "BYTES"))
    ]
    inputs.append(tensor("customer", "BYTES", [row["customer"] for row in rows]))
    answer = gateway.post(INFER, {"inputs": inputs}).json()
    assert answer["outputs"][0]["data"] == gateway.score(rows).json()["predictions"]
    assert "model_version" not in answer
    seen = [(p.row, p.version, p.arm, p.values, p.entity, p.share) for p in house.predictions()]
    assert len(seen) == 160
    assert all(n == 2 for n in Counter(seen).values())
    assert {arm for _, _, arm, _, _, _ in seen} == {Arm.CHAMPION, Arm.CANARY, Arm.SHADOW}
    assert 'arm="canary"' in gateway.get("/metrics").text


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "holds no rows"),
        ([tensor("age", "FP64", [], [0])], "holds no rows"),
        ([AGE, SPEND], "row 0 lacks the column 'region'"),
        ([AGE, AGE], "input 'age': gives the column 'age' a second time"),
        ([tensor("age", "FP64", [1], [2])], "1 elements do not fit the shape"),
        ([tensor("age", "FP64", [1], [-1])], "1 elements do not fit the shape"),
        ([tensor("age", "FP64", [1], [])], "shape [] is not [0] or [0, columns]"),
        ([tensor("age", "FP64", [1, 2], [1, 2])], "neither one column nor 3 features"),
        ([tensor("all", "FP64", [1, 2], [1, 2])], "neither one column nor 3 features"),
        ([tensor("all", "FP64", [1, 2], [1, 1, 2])], "shape [1, 1, 2] is not [1] or [1, columns]"),
        ([tensor("all", "BYTES", [["1"] * 3, ["2"]], [2, 3])], "some row has not 3 elements"),
        ([tensor("all", "BYTES", [["1"] * 3, "2"], [2, 3])], "some row has not 3 elements"),
        ([tensor("age", "FP64", [[1], [2]], [2])], "Expected `float | null`, got `array`"),
        ([AGE, tensor("spend", "FP64", [1, 2, 3])], "shape [3] is not [2] or [2, columns]"),
        ([tensor("age", "FP64", ["1"])], "datatype FP64: Expected `float | null`, got `str`"),
        ([tensor("age", "FP32", [True])], "Expected `float | null`, got `bool`"),
        ([tensor("age", "INT64", [1.5])], "datatype INT64: Expected `int | null`, got `float`"),
        ([tensor("age", "INT8", [128])], "Expected `int` <= 127 - at `$[0]`"),
        ([tensor("age", "UINT16", [-1])], "Expected `int` >= 0"),
        ([tensor("age", "BOOL", [1])], "Expected `bool | null`, got `int`"),
        ([tensor("age", "BYTES", [1])], "Expected `str | null`, got `int`"),
        ([tensor("age", "FP16", [1])], "datatype 'FP16': use one of BOOL, INT8"),
        ([tensor("age", "BYTES", ["x", "y"]), SPEND, REGION], "column 'age': 'x' is not a number"),
        ([tensor("age", "INT64", [10**400, 1]), SPEND, REGION], "int too large"),
        ([{"name": "age", "datatype": "FP64", "shape": [1]}], "send its elements in the request"),
        (
            [tensor("age", "FP64", [1], parameters={"shared_memory_region": "r"})],
            "send its elements in the request",
        ),
        (
            [tensor("age", "FP64", None, [1], parameters={"binary_data_size": 8})],
            "input 'age': binary_data_size is 8, and 0 bytes are left for it",
        ),
        (
            [tensor("all", "FP64", [1, 2, 3], [1, 3])],
            "'region' is a category and goes by name: send a tensor a column",
        ),
        ([tensor("when", "BYTES", ["soon", "now"]), AGE, SPEND, REGION], "neither ISO 8601 nor"),
        (3, "Expected `array`, got `int` - at `$.inputs`"),
        ([{"name": "age"}], "missing required field `shape`"),
    ],
)
def test_what_is_no_inference_request_is_refused_in_a_sentence(house, gateway, inputs, sentence):
    answer = gateway.post(INFER, {"inputs": inputs})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert house.predictions() == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"id": "caf\xe9"}, "id must be printable ASCII"),
        ({"id": "x" * 201}, "at most 200 long"),
        ({"id": 7}, "Expected `str | null`, got `int` - at `$.id`"),
        ({"outputs": [{"name": "other"}]}, "output 'other': the one output is 'predict'"),
        (
            {"outputs": [{"name": "predict", "parameters": {"classification": 2}}]},
            "classification is not offered",
        ),
    ],
)
def test_other_wishes_are_refused_in_a_sentence(gateway, fields, sentence):
    answer = gateway.post(INFER, asked(**fields))
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


def test_too_many_rows_are_refused_by_their_shape(gateway):
    answer = gateway.post(INFER, {"inputs": [tensor("age", "FP64", [1], [MAX_ROWS + 1])]})
    assert answer.status_code == 413


def test_one_tensor_may_hold_all_features_by_name(gateway, champion):
    whole = tensor("input-0", "BYTES", [None, None, "north"], [1, 3])
    expected = champion.expected([{"age": None, "spend": None, "region": "north"}])
    for data in (whole["data"], [whole["data"]]):
        answer = gateway.post(INFER, {"inputs": [{**whole, "data": data}]}).json()
        assert answer["outputs"][0]["data"] == expected


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v2/models/other", "no model 'other' is served here: ask for churn"),
        ("/v2/models/churn/versions/2", "version '2' of churn is not the champion: ask for 1"),
    ],
)
def test_only_the_champion_can_be_asked_for(gateway, path, sentence):
    for answer in (
        gateway.get(path),
        gateway.get(f"{path}/ready"),
        gateway.post(f"{path}/infer", asked()),
    ):
        assert answer.status_code == 404
        assert sentence in answer.json()["error"]
    assert gateway.post("/v2/models/churn/versions/1/infer", asked()).status_code == 200


def test_a_model_is_described_by_its_card(gateway):
    described = gateway.get("/v2/models/churn").json()
    assert described == gateway.get("/v2/models/churn/versions/1").json()
    assert described == {
        "name": "churn",
        "versions": ["1"],
        "platform": "lightgbm_text",
        "inputs": [
            {"name": "age", "datatype": "FP64", "shape": [-1]},
            {"name": "spend", "datatype": "FP64", "shape": [-1]},
            {"name": "region", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [{"name": "predict", "datatype": "FP64", "shape": [-1]}],
        "properties": {"entity": "customer", "event_time": "when"},
    }
    assert gateway.get("/v2").json()["extensions"] == []


def test_health_is_an_empty_answer(gateway):
    for path in (
        "health/live",
        "health/ready",
        "models/churn/ready",
        "models/churn/versions/1/ready",
    ):
        answer = gateway.get(f"/v2/{path}")
        assert (answer.status_code, answer.content) == (200, b"")


def test_before_the_first_model_it_is_live_and_not_ready(house):
    gateway = house.gateway()
    assert gateway.get("/v2/health/live").status_code == 200
    for path in ("/v2/health/ready", "/v2/models/churn/ready", "/v2/models/churn"):
        answer = gateway.get(path)
        assert (answer.status_code, "no model of churn" in answer.json()["error"]) == (400, True)
    assert gateway.post(INFER, asked()).status_code == 503
    assert gateway.get("/ping").status_code == 503


def test_predictions_are_posted(gateway):
    answer = gateway.get(INFER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert INFER in answer.json()["error"]


def test_a_program_may_leave_the_content_type_out_and_a_web_page_may_not(gateway):
    assert gateway.request("POST", INFER, content=b"{").status_code == 400
    answer = gateway.request("POST", INFER, content=b"{", headers={"origin": "https://a.example"})
    assert (answer.status_code, answer.json()) == (
        415,
        {"error": "send content-type application/json"},
    )
    answer = gateway.request("POST", INFER, content=b"{", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


def test_bound_wider_it_asks_for_the_same_tokens(house, champion, tmp_path):
    house.route(champion)
    file = tmp_path / "tokens"
    file.write_text("read a-long-random-text\n")
    file.chmod(0o600)
    gateway = house.gateway(file=file, host="0.0.0.0")
    bearer = {"authorization": "Bearer a-long-random-text"}
    for method, path in (("GET", "/v2"), ("GET", "/v2/models/churn"), ("POST", INFER)):
        body = {"json": asked()} if method == "POST" else {}
        assert gateway.request(method, path, **body).status_code == 401
        assert gateway.request(method, path, headers=bearer, **body).status_code == 200
    for path in ("health/live", "health/ready", "models/churn/ready"):
        assert gateway.get(f"/v2/{path}").status_code == 200
