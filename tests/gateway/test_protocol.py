import gc
import gzip
import time

import pytest

from sixgates.gates.card import Task
from sixgates.gates.row_reader import Columns
from sixgates.gateway.protocols.protocol import MAX_ROWS

JSON = {"content-type": "application/json"}
ROW = {"age": 30, "spend": 1.0, "region": "north"}


@pytest.fixture
def gateway(house, champion):
    house.route(champion)
    return house.gateway()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "not a scoring request: Input data was truncated"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"{}", "give exactly one of"),
        (b'{"inputs": [], "instances": []}', "give exactly one of"),
        (b'{"inputs": []}', "holds no rows"),
        (b'{"inputs": 3}', "Expected `array | null`, got `int`"),
        (b'{"inputs": [3]}', "Expected `object`, got `int` - at `$.inputs[0]`"),
        (b'{"inputs": [{"age": 1, "spend": 2}]}', "row 0 lacks the column 'region'"),
        (
            b'{"inputs": [{"age": "old", "spend": 2, "region": "north"}]}',
            "row 0, column 'age': 'old' is not a number",
        ),
        (b'{"inputs": [{"age": NaN}]}', "row 0 lacks the column 'spend'"),
        (b'{"inputs": [{"age": Infinity}]}', "not a scoring request: JSON is malformed"),
        (b'{"inputs": [{"age": 1e400}]}', "not a scoring request: Number out of range"),
        (b'{"inputs": [{"age": ' + b"[" * 5_000, "nested too deeply"),
        (b'{"inputs": [{"age": "\xff"}]}', "not UTF-8: invalid start byte"),
        (b'{"inputs": [{"\xed\xa0\x80": NaN}]}', "not UTF-8"),
        (b'{"inputs": [{"age": 1' + b"0" * 400 + b"}]}", ""),
        (b'{"dataframe_split": {"columns": ["a"]}}', "missing required field `data`"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "2 values for 1 columns"),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": []}}', "a column twice"),
    ],
)
def test_what_is_no_request_is_refused_in_a_sentence(house, gateway, body, sentence):
    answer = gateway.request("POST", "/invocations", content=body, headers=JSON)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]
    assert house.predictions() == []


def test_nan_is_a_missing_value_outside_of_text_only(house, gateway, champion):
    body = b'{"inputs": [{"age": NaN, "spend": 1, "region": "NaN", "customer": "\\"NaN"}]}'
    answer = gateway.request("POST", "/invocations", content=body, headers=JSON)
    missing = {"age": None, "spend": 1, "region": "NaN"}
    assert answer.json() == {"predictions": champion.expected([missing])}
    assert house.predictions()[0].entity == '"NaN'


def test_a_body_that_never_ends_its_text_is_refused_in_linear_time(gateway):
    body = b"[" + b'"a",' * 500_000 + b'"NaN\\'
    started = time.process_time()
    answer = gateway.request("POST", "/invocations", content=body, headers=JSON)
    assert answer.status_code == 400
    assert time.process_time() - started < 5


@pytest.mark.parametrize("when", ["soon", 1.7e12, True, [1], "2026-13-01"])
def test_an_event_time_that_is_none_is_refused(gateway, when):
    answer = gateway.score([{**ROW, "when": when}])
    assert answer.status_code == 400
    assert "row 0, column 'when'" in answer.json()["error"]


@pytest.mark.parametrize("other", ["2026-05-01T02:00:00.5", "2026-05-01T02:00:00+02:00", 1.5, 3])
def test_times_of_rows_that_come_together_are_read_as_of_each_alone(house, gateway, other):
    rows = [{**ROW, "when": when} for when in ("2026-05-01", other, "0001-01-01T00:00:00")]
    for row in rows:
        gateway.score([row])
    gateway.score(rows)
    alone, together = (
        [p.at for p in house.predictions()[:3]],
        [p.at for p in house.predictions()[3:]],
    )
    assert together == alone
    assert alone[0] == 1_777_593_600


def test_an_event_time_that_is_none_is_refused_among_others(gateway):
    answer = gateway.score([{**ROW, "when": when} for when in ("2026-05-01", "2026-13-01")])
    assert answer.status_code == 400
    assert "row 1, column 'when': '2026-13-01' is neither ISO 8601" in answer.json()["error"]


def test_an_entity_is_text_or_a_number(house, gateway):
    assert gateway.score([{**ROW, "customer": {"id": 1}}]).status_code == 400
    assert gateway.score([{**ROW, "customer": c} for c in (3, 3.0, "3")]).status_code == 200
    assert {p.entity for p in house.predictions()} == {"3"}


def test_nothing_is_kept_of_names_that_are_too_long_to_be_remembered(gateway, champion):
    more = [f"column {i}" for i in range(3_000)]
    table = {"columns": [*ROW, *more], "data": [[*ROW.values(), *[0] * len(more)]]}
    for _ in range(3):
        answer = gateway.post("/invocations", {"dataframe_split": table})
        assert answer.json() == {"predictions": champion.expected([ROW])}
    gc.collect()
    kept = [one for one in gc.get_objects() if type(one) is Columns]
    assert max((len(columns.names) for columns in kept), default=0) < len(more)


def test_other_content_types_are_refused(gateway):
    answer = gateway.request(
        "POST", "/invocations", content=b"age=3", headers={"content-type": "text/plain"}
    )
    assert (answer.status_code, answer.json()) == (
        415,
        {"error": "send content-type application/json or text/csv"},
    )
    assert gateway.request("POST", "/invocations", content=b"{}").status_code == 415
    answer = gateway.request("POST", "/labels", content=b"[]", headers={"content-type": "text/csv"})
    assert answer.json() == {"error": "send content-type application/json"}


@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
def test_other_character_sets_are_refused(gateway, kind):
    headers = {"content-type": f"{kind}; charset=latin-1"}
    answer = gateway.request("POST", "/invocations", content=b"", headers=headers)
    assert (answer.status_code, answer.json()) == (415, {"error": "send UTF-8, not 'latin-1'"})
    headers = {"content-type": f'{kind}; charset="UTF-8"'}
    answer = gateway.request("POST", "/invocations", content=b"", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/churn/infer", "/labels"])
def test_a_body_in_another_coding_is_refused_by_its_name(gateway, path):
    answer = gateway.request(
        "POST", path, content=gzip.compress(b"{}"), headers={**JSON, "content-encoding": "gzip"}
    )
    sentence = "send the body as it is, not in content-encoding 'gzip'"
    assert (answer.status_code, answer.json()) == (415, {"error": sentence})
    headers = {**JSON, "content-encoding": "Identity"}
    answer = gateway.request("POST", path, content=b"{", headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("given", ["x" * 201, "caf\xe9"])
def test_a_request_identifier_must_be_short_ascii(gateway, given):
    answer = gateway.score([ROW], headers={"x-request-id": given.encode("latin-1")})
    assert answer.status_code == 400


def test_a_request_without_identifier_gets_one(gateway):
    ids = {gateway.score([ROW]).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_unknown_paths_and_methods(gateway):
    assert gateway.get("/nothing").status_code == 404
    assert "GET /nothing" in gateway.get("/nothing").json()["error"]
    for path in ("/invocations", "/labels", "/admin/follow"):
        answer = gateway.get(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert gateway.post("/serving").status_code == 405


def told(*labels):
    return [{"request": "q", "row": i, "label": label} for i, label in enumerate(labels)]


def test_labels_are_logged_with_their_time(house, gateway):
    answer = gateway.post(
        "/labels",
        [
            {"request": "q", "row": 0, "label": 1, "at": 5},
            {"request": "q", "row": 1, "label": 0, "at": "1970-01-01T00:00:06"},
            {"request": "q", "row": 2, "label": 0},
        ],
    )
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    first, second, third = house.labels()
    assert (first.at, second.at, third.at) == (5.0, 6.0, third.received)


LABEL = b'{"request":"q","row":0,"label":%s}'


def labels_of(n, label=b"1"):
    return b"[" + b" , ".join([LABEL % label] * n) + b"]"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (labels_of(MAX_ROWS), 200, ""),
        (labels_of(MAX_ROWS, b'"{"'), 400, "label 0 is '{' and not 0 or 1"),
        (labels_of(MAX_ROWS + 1), 413, "more than 10,000 labels"),
        (labels_of(MAX_ROWS + 1, b'"{"'), 413, "10,001 labels"),
        # What follows is not looked at, so that it costs nothing.
        (labels_of(MAX_ROWS + 1)[:-1] + b",{" * 9, 413, "more than 10,000 labels"),
        (labels_of(MAX_ROWS + 1)[:-1].replace(b"}", b',"at":NaN}'), 413, "more than 10,000 labels"),
        (b'[{"row":0},' + labels_of(MAX_ROWS + 1)[1:], 400, "`request` - at `$[0]`"),
        (b"{" * (MAX_ROWS + 1), 400, "the body is not a list of labels"),
    ],
)
def test_a_list_of_labels_may_be_so_long(gateway, body, status, said):
    answer = gateway.request("POST", "/labels", content=body, headers=JSON)
    assert answer.status_code == status
    assert said in answer.text


LABELS = {
    Task.BINARY: ([1, 0.0, True, "1", "1.0"], ["1", "0", "1", "1", "1"]),
    Task.REGRESSION: ([7, -0.25, True, "2.50"], ["7", "-0.25", "1", "2.5"]),
    Task.MULTICLASS: ([7, -0.25, True, "2.50", "nan"], ["7", "-0.25", "1", "2.50", "nan"]),
    None: ([7, -0.25, True, "2.50", "nan"], ["7", "-0.25", "1", "2.50", "nan"]),
}


@pytest.mark.parametrize("task", LABELS, ids=str)
def test_labels_are_logged_as_text(house, train, task):
    if task is not None:
        trained = train(task)
        trained.put(house.store)
        house.route(trained)
    given, logged = LABELS[task]
    answer = house.gateway().post("/labels", told(*given))
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(given)})
    assert [label.label for label in house.labels()] == logged


@pytest.mark.parametrize(
    ("task", "label", "sentence"),
    [
        (Task.BINARY, 7, "label 1 is 7 and not 0 or 1"),
        (Task.BINARY, -1, "label 1 is -1 and not 0 or 1"),
        (Task.BINARY, 0.5, "label 1 is 0.5 and not 0 or 1"),
        (Task.BINARY, "true", "label 1 is 'true' and not 0 or 1"),
        (Task.BINARY, "yes", "label 1 is 'yes' and not 0 or 1"),
        (Task.REGRESSION, "yes", "label 1 is 'yes' and not a finite number"),
        (Task.REGRESSION, "nan", "label 1 is 'nan' and not a finite number"),
        (Task.REGRESSION, "1e999", "label 1 is '1e999' and not a finite number"),
        (Task.MULTICLASS, "", "label 1 is '' and not a class"),
    ],
)
def test_a_label_must_be_one_of_the_models_task(house, train, task, label, sentence):
    trained = train(task)
    trained.put(house.store)
    house.route(trained)
    answer = house.gateway().post("/labels", told(1, label))
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert house.labels() == []


@pytest.mark.parametrize(
    "label",
    [
        {"request": "q", "row": 0},
        {"request": "q", "row": 0, "label": None},
        {"request": "q", "row": 0, "label": ""},
        {"request": "q", "row": 0, "label": 10**400},
        {"request": "q", "row": -1, "label": 1},
        {"request": "q", "row": 10_000, "label": 1},
        {"request": "q", "row": 2**63, "label": 1},
        {"request": "q", "row": 2**100, "label": 1},
        {"request": "q", "row": 0, "label": 1, "at": "tomorrow"},
        {"request": 7, "row": 0, "label": 1},
    ],
)
def test_a_label_that_is_none_is_refused_with_its_whole_list(house, gateway, label):
    answer = gateway.post("/labels", [{"request": "q", "row": 0, "label": 1}, label])
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert house.labels() == []
