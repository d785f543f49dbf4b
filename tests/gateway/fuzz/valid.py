"""Requests that are right, from which wrong ones are made."""

import json

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


def labels(rng):
    return [
        {
            "request": f"r{rng.randint(0, 99)}",
            "row": rng.randint(0, 3),
            "label": rng.choice([0, 1, True, 0.5, "yes"]),
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
            lambda: asked(labels(rng), b"/labels"),
            lambda: Request(table(rng).encode(), kind=CSV),
        ]
    )()


def request_in_json(rng):
    return rng.choice(
        [
            lambda: asked(invocation(rng)),
            lambda: asked(tensors(rng), INFER),
            lambda: asked(labels(rng), b"/labels"),
        ]
    )()
