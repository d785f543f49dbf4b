import json
import struct

import pytest

from sixgates.gateway.protocols.protocol import MAX_ROWS

INFER = "/v2/models/churn/infer"
ROWS = [
    {"age": 30.0, "spend": 1, "region": "north"},
    {"age": None, "spend": 2, "region": "west"},
]
AGE = ("age", "FP64", struct.pack("<2d", 30.0, float("nan")))
SPEND = ("spend", "INT32", struct.pack("<2i", 1, 2))
REGION = ("region", "BYTES", b"\5\0\0\0north\4\0\0\0west")


@pytest.fixture
def gateway(house, champion):
    house.route(champion)
    return house.gateway()


def sent(*tensors, shape=(2,), **more):
    inputs = [
        {"name": name, "datatype": datatype, "shape": shape,
         "parameters": {"binary_data_size": len(raw)}, **more}
        for name, datatype, raw in tensors
    ]  # fmt: skip
    return json.dumps({"inputs": inputs}).encode(), b"".join(raw for _, _, raw in tensors)


def ask(gateway, header, behind=b"", ends=None):
    headers = {"inference-header-content-length": str(len(header)) if ends is None else ends}
    return gateway.request("POST", INFER, content=header + behind, headers=headers)


def refusal(answer):
    assert answer.status_code == 400
    return answer.json()["error"]


def test_tensors_behind_the_json_are_read_in_their_order(house, gateway, champion):
    customer = ("customer", "INT64", struct.pack("<2q", 7, 8))
    when = ("when", "FP32", struct.pack("<2f", 6.0, 7.5))
    answer = ask(gateway, *sent(SPEND, REGION, customer, AGE, when))
    assert answer.json()["outputs"][0]["data"] == champion.expected(ROWS)
    assert [(p.entity, p.at) for p in house.predictions()] == [("7", 6.0), ("8", 7.5)]


@pytest.mark.parametrize("customers", [("ada", "bob"), ("ad\u00e4", "b\U0001f600b")])
def test_texts_are_read_whatever_their_alphabet(house, gateway, customers):
    raws = [customer.encode() for customer in customers]
    raw = b"".join(struct.pack("<I", len(raw)) + raw for raw in raws)
    assert ask(gateway, *sent(AGE, SPEND, REGION, ("customer", "BYTES", raw))).status_code == 200
    assert [p.entity for p in house.predictions()] == [*customers]


def test_some_may_be_in_the_json(gateway, champion):
    header, behind = sent(SPEND, REGION)
    body = json.loads(header)
    body["inputs"].insert(1, {"name": "age", "datatype": "FP64", "shape": [2], "data": [30, None]})
    answer = ask(gateway, json.dumps(body).encode(), behind)
    assert answer.json()["outputs"][0]["data"] == champion.expected(ROWS)


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("BOOL", b"\1\0"), ("INT8", b"\1\0"), ("UINT8", b"\1\0"),
        ("INT16", struct.pack("<2h", 1, 0)), ("UINT16", struct.pack("<2H", 1, 0)),
        ("INT32", struct.pack("<2i", 1, 0)), ("UINT32", struct.pack("<2I", 1, 0)),
        ("INT64", struct.pack("<2q", 1, 0)), ("UINT64", struct.pack("<2Q", 1, 0)),
        ("FP32", struct.pack("<2f", 1, 0)), ("FP64", struct.pack("<2d", 1, 0)),
    ],
)  # fmt: skip
def test_every_datatype_is_read(gateway, champion, datatype, raw):
    answer = ask(gateway, *sent(AGE, REGION, ("spend", datatype, raw)))
    rows = [{**row, "spend": spend} for row, spend in zip(ROWS, (1, 0), strict=True)]
    assert answer.json()["outputs"][0]["data"] == champion.expected(rows)


@pytest.mark.parametrize("ends", ["", "-1", "x", "99999", "1" * 400, "1.0", "\u0661"])
def test_a_header_that_is_no_place_in_the_body_is_refused(gateway, ends):
    answer = ask(gateway, *sent(AGE, SPEND, REGION), ends=ends.encode())
    assert "inference-header-content-length is" in refusal(answer)


@pytest.mark.parametrize(
    ("tensors", "behind", "sentence"),
    [
        ([("age", "FP64", b"\0" * 15)], None, "15 bytes are no elements of FP64"),
        ([("age", "FP64", b"\0" * 24)], None, "3 elements do not fit the shape [2]"),
        ([("age", "FP16", b"\0" * 4)], None, "datatype 'FP16': use one of BOOL"),
        ([AGE], b"", "binary_data_size is 16, and 0 bytes are left for it"),
        ([AGE, SPEND], b"\0" * 20, "input 'spend': binary_data_size is 8, and 4 bytes are left"),
        ([AGE], b"\0" * 17, "1 bytes follow the last tensor"),
        ([("region", "BYTES", b"\1\0\0")], None, "its last element is cut off"),
        ([("region", "BYTES", b"\1\0\0\0")], None, "its last element is cut off"),
        ([("region", "BYTES", b"\xff" * 4)], None, "its last element is cut off"),
        ([("region", "BYTES", b"\2\0\0\0\xc3")], None, "its last element is cut off"),
        ([("region", "BYTES", b"\1\0\0\0a\1\0\0\0\xff")], None, "element 1 is not UTF-8"),
        ([("age", "BYTES", b"\0" * 8), SPEND, REGION], None, "column 'age': '' is not a number"),
        ([("when", "FP64", b"\xff" * 16), AGE, SPEND, REGION], None, "'when': nan is neither"),
    ],
)
def test_bytes_that_are_no_tensor_are_refused_by_its_name(
    house, gateway, tensors, behind, sentence
):
    header, own = sent(*tensors)
    assert sentence in refusal(ask(gateway, header, own if behind is None else behind))
    assert house.predictions() == []


@pytest.mark.parametrize("size", [-1, True, 1.5, "16", [16]])
def test_a_size_that_is_none_is_refused(gateway, size):
    header, behind = sent(AGE, parameters={"binary_data_size": size})
    assert "input 'age': binary_data_size is" in refusal(ask(gateway, header, behind))


def test_elements_come_in_one_way(gateway):
    assert "send data or binary_data_size" in refusal(ask(gateway, *sent(AGE, data=[1.0, 2.0])))


def test_too_many_rows_are_refused_by_their_shape(gateway):
    rows = MAX_ROWS + 1
    answer = ask(gateway, *sent(("age", "UINT8", b"\0" * rows), shape=(rows,)))
    assert answer.status_code == 413
