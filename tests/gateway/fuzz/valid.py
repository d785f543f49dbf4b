"""Requests that are right, from which wrong ones are made."""

import json
import math
import struct

from tests.gateway.fuzz.case import CSV, Request

COLUMNS = ("age", "spend", "region", "customer", "when")
DATATYPES = {"age": "FP64", "spend": "FP64", "region": "BYTES", "customer": "BYTES", "when": "FP64"}
INFER = b"/v2/models/churn/infer"
FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")


def row(rng):
    return {
        "age": rng.choice([None, rng.randint(18, 90), rng.uniform(18, 90)]),
        "spend": rng.gauss(0, 1),
        "region": rng.choice(["north", "south", "west", None, "unseen"]),
        "customer": f"c{rng.randint(0, 999)}",
        "when": rng.choice([1_700_000_000, 1_700_000_000.5, "2026-05-01T09:30:00", None]),
    }


def rows(rng, n=None):
    return [row(rng) for _ in range(n or rng.randint(1, 4))]


def in_form(form, given):
    """Write rows in one of the four forms of MLflow's protocol."""
    if form == "dataframe_split":
        table = [list(one.values()) for one in given]
        return {form: {"columns": list(given[0]), "data": table}}
    return {form: given}


def invocation(rng, given=None):
    return in_form(rng.choice(FORMS), given or rows(rng))


def tensors(rng, given=None):
    given = given or rows(rng)
    return {
        "inputs": [
            {
                "name": name,
                "datatype": DATATYPES[name],
                "shape": [len(given)],
                "data": [1_700_000_000.0 if name == "when" else one[name] for one in given],
            }
            for name in COLUMNS
        ]
    }


def behind_json(rng, given=None):
    """Write tensors as bytes behind the JSON: return it and them."""
    body, behind = tensors(rng, given), []
    for one in body["inputs"]:
        data = one.pop("data")
        if one["datatype"] == "BYTES":
            texts = [(value or "").encode() for value in data]
            raw = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
        else:
            raw = struct.pack(f"<{len(data)}d", *(math.nan if v is None else v for v in data))
        one["parameters"] = {"binary_data_size": len(raw)}
        behind.append(raw)
    return body, behind


def in_two(body, behind, ends=None):
    """Send a value as JSON with bytes behind it; `ends` is said of its length, if not the truth."""
    head = json.dumps(body).encode()
    line = b"inference-header-content-length: " + (b"%d" % len(head) if ends is None else ends)
    return Request(head + behind, INFER, kind=b"application/octet-stream", more=(line,))


def labels(rng):
    return [
        {
            "request": f"r{rng.randint(0, 99)}",
            "row": rng.randint(0, 3),
            "label": rng.choice([0, 1, True, 0.0, "1"]),
            "at": rng.choice([None, 1_700_000_000, "2026-05-08"]),
        }
        for _ in range(rng.randint(1, 4))
    ]


def table(rng, given=None):
    """Write rows as comma-separated values."""
    given = given or rows(rng)
    lines = [list(given[0]), *(one.values() for one in given)]
    return "\n".join(",".join("" if v is None else str(v) for v in line) for line in lines)


def asked(value, path=b"/invocations"):
    """Send a value as JSON."""
    return Request(json.dumps(value).encode(), path)


def request(rng):
    """Return a right request of any kind."""
    return rng.choice(
        [
            lambda: asked(invocation(rng)),
            lambda: asked(invocation(rng)),
            lambda: asked(tensors(rng), INFER),
            lambda: in_two(*_joined(behind_json(rng))),
            lambda: asked(labels(rng), b"/labels"),
            lambda: Request(table(rng).encode(), kind=CSV),
        ]
    )()


def _joined(both):
    body, behind = both
    return body, b"".join(behind)


def request_in_json(rng):
    return rng.choice(
        [
            lambda: asked(invocation(rng)),
            lambda: asked(tensors(rng), INFER),
            lambda: asked(labels(rng), b"/labels"),
        ]
    )()
