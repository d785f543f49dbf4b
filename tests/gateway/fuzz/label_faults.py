"""Labels with something wrong in them."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import Request, kind, plain
from tests.gateway.fuzz.row_faults import NO_TIME

WRONG = {
    "request": [None, 3, [], {}, True],
    "row": [-1, 0.5, "0", None, True, [], -(2**70)],
    "label": [None, [], {}, "", 2**63, -(2**63), 10**30],
    "at": NO_TIME,
}


def sent(value, **given):
    return plain(valid.asked(value, b"/labels"), **given)


@kind(4)
def a_label_of_the_wrong_type(rng):
    given = valid.labels(rng)
    name = rng.choice(list(WRONG))
    rng.choice(given)[name] = rng.choice(WRONG[name])
    return sent(given)


@kind()
def a_label_without_a_part(rng):
    given = valid.labels(rng)
    del rng.choice(given)[rng.choice(["request", "row", "label"])]
    return sent(given)


@kind()
def labels_that_are_no_list(rng):
    return sent(rng.choice([{}, {"labels": []}, [[]], [None], [3], "x", valid.labels(rng)[0]]))


@kind()
def odd_labels(rng):
    odd = rng.choice(["\n", "\x00", "x" * 100_000, 1e300, -0.0, 2**63 - 1, True, "é\u2028", 5e-324])
    one = {"request": rng.choice(["", "\n", "x" * 10_000, "é"]), "row": 2**70, "label": odd}
    return sent([one], may_pass=True)


@kind(0.05)
def more_labels_than_allowed(rng):
    n = rng.choice([10_001, 100_000])
    one = b'{"request":"r","row":0,"label":1}'
    return plain(Request(b"[" + (one + b",") * (n - 1) + one + b"]", b"/labels"))
