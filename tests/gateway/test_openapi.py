import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.routing import Route

from sixgates.gates.card import Task
from sixgates.gateway.protocols.dialects import dialect_at

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def described(gateway):
    answer = gateway.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def schema_of(document, name):
    """A component with what it refers to, for a validator."""
    return {
        "$schema": DIALECT,
        "$ref": f"#/components/schemas/{name}",
        "components": document["components"],
    }


def accepts(document, name, value):
    return jsonschema.Draft202012Validator(schema_of(document, name)).is_valid(value)


@pytest.fixture(params=["champion", "multiclass", "nothing"])
def document(request, house, champion, train):
    if request.param == "champion":
        house.route(champion)
    if request.param == "multiclass":
        trained = train(Task.MULTICLASS, entity=None)
        trained.put(house.store)
        house.route(trained)
    return described(house.gateway())


def test_the_document_is_openapi_3_1(document):
    jsonschema.Draft202012Validator(OPENAPI_31).validate(document)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from references(one)

    pointed = set(references(document))
    for reference in pointed:
        _, kind, part, name = reference.split("/")
        assert name in document[kind][part]
    kept = {f"#/components/{k}/{n}" for k, part in document["components"].items() for n in part}
    assert kept - pointed == {"#/components/securitySchemes/token"}


def test_every_call_is_in_it_and_nothing_else(house, champion):
    house.route(champion)
    gateway = house.gateway()
    paths = described(gateway)["paths"]
    said = {(path, method) for path, calls in paths.items() for method in calls}
    predicting = {(path, method) for path, method in said if dialect_at(path)}
    assert predicting == {
        ("/invocations", "post"),
        ("/v2/models/{model}/infer", "post"),
        ("/v2/models/{model}/versions/{version}/infer", "post"),
    }
    routes = gateway.app._desk.routes
    assert all(isinstance(route, Route) for route in routes)
    assert said - predicting == {
        (route.path, method.lower()) for route in routes for method in route.methods - {"HEAD"}
    }


def test_it_names_the_models_own_columns(house, champion, sample_rows):
    house.route(champion)
    document = described(house.gateway())
    row = document["components"]["schemas"]["Row"]
    assert row["required"] == ["age", "spend", "region"]
    assert set(row["properties"]) == {"age", "spend", "region", "customer", "when"}
    assert row["properties"]["region"]["examples"] == ["north", "south", "west"]
    assert all(accepts(document, "Row", one) for one in sample_rows(50))
    assert not accepts(document, "Row", {"age": "old", "spend": 1.0, "region": None})
    assert not accepts(document, "Row", {"spend": 1.0, "region": None})


def test_its_examples_are_answered(house, champion):
    house.route(champion)
    gateway = house.gateway()
    schemas = described(gateway)["components"]["schemas"]
    (table,) = schemas["Table"]["examples"]
    given = {"headers": {"content-type": "text/csv"}, "content": table}
    assert gateway.request("POST", "/invocations", **given).status_code == 200
    (inputs,) = schemas["InferenceRequest"]["properties"]["inputs"]["examples"]
    assert gateway.post("/v2/models/churn/infer", {"inputs": inputs}).status_code == 200


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_answers_are_what_it_says_and_no_more(house, train, sample_rows, task):
    trained = train(task, seed=4)
    trained.put(house.store)
    house.route(trained)
    gateway = house.gateway()
    document = described(gateway)
    rows = sample_rows(2)
    body = {"inputs": rows}
    columns = [
        {"name": n, "shape": [2], "datatype": d, "data": [row[n] for row in rows]}
        for n, d in (("age", "FP64"), ("spend", "FP64"), ("region", "BYTES"))
    ]
    assert accepts(document, "Invocation", body)
    assert accepts(document, "InferenceRequest", {"inputs": columns})
    for name, answer in {
        "Predictions": gateway.post("/invocations", body),
        "Inference": gateway.post("/v2/models/churn/infer", {"inputs": columns}),
        "Health": gateway.get("/healthz"),
        "Serving": gateway.get("/serving"),
        "Server": gateway.get("/v2"),
        "ModelMetadata": gateway.get("/v2/models/churn"),
        "Accepted": gateway.post("/labels", [{"request": "a", "row": 0, "label": 1}]),
        "Proved": gateway.admin("/admin/prove", {"digest": trained.digest}),
        "Error": gateway.post("/invocations", {}),
    }.items():
        assert accepts(document, name, answer.json()), answer.text
        assert set(answer.json()) == set(document["components"]["schemas"][name]["properties"])


def test_it_says_which_calls_need_a_token_here(house, champion, tmp_path):
    house.route(champion)
    file = tmp_path / "tokens"
    file.write_text("read may-read\n")
    file.chmod(0o600)
    operate = {"/admin/prove", "/admin/follow"}
    see = {"/serving", "/page/state", "/metrics", "/openapi.json", "/v2", "/v2/models/churn",
           "/v2/models/churn/versions/1"}  # fmt: skip
    ask = {"/invocations", "/labels", "/v2/models/churn/infer",
           "/v2/models/churn/versions/1/infer"}  # fmt: skip
    for gateway, expected in (
        (house.gateway(), operate),
        (house.gateway(host="0.0.0.0"), operate | see),
        (house.gateway(host="0.0.0.0", file=file), operate | see | ask),
    ):
        bearer = {"authorization": "Bearer let-me-in"}
        document = gateway.request("GET", "/openapi.json", headers=bearer).json()
        needing = set()
        for path, calls in document["paths"].items():
            real = path.replace("{model}", "churn").replace("{version}", "1")
            for method, call in calls.items():
                refused = gateway.request(method.upper(), real).status_code == 401
                assert refused == ("security" in call)
                assert (refused or "Predictions" in call["summary"]) == ("401" in call["responses"])
                needing |= {real} if refused else set()
        assert needing == expected
