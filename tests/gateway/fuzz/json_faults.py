"""Bodies that are no JSON, or JSON that says nothing."""

import gzip
import json

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import Request, kind, plain


@kind(4)
def truncated_json(rng):
    sent = valid.request_in_json(rng)
    return plain(sent.but(body=sent.body[: rng.randrange(len(sent.body))]))


@kind(2)
def binary_junk(rng):
    sent = valid.request(rng)
    return plain(sent.but(body=b"\xff" + rng.randbytes(rng.randint(1, 2_000))))


@kind()
def an_empty_body(rng):
    return plain(valid.request(rng).but(body=rng.choice([b"", b" ", b"\n", b"\r\n\r\n", b"\x00"])))


@kind(2)
def bad_utf_8(rng):
    sent = valid.asked(valid.invocation(rng))
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf", b"\x80"])
    return plain(sent.but(body=sent.body.replace(b'"c', b'"c' + bad, 1)))


@kind()
def another_encoding(rng):
    sent = valid.request_in_json(rng)
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-32"])
    return plain(sent.but(body=sent.body.decode().encode(encoding)))


@kind()
def a_byte_order_mark(rng):
    sent = valid.request_in_json(rng)
    return plain(sent.but(body=b"\xef\xbb\xbf" + sent.body))


@kind()
def compressed(rng):
    sent = valid.request_in_json(rng)
    declared = rng.choice([(), (b"content-encoding: gzip",)])
    return plain(sent.but(body=gzip.compress(sent.body, mtime=0), more=declared))


@kind(2)
def deep_nesting(rng):
    depth = rng.choice([100, 1_000, 10_000, 100_000])
    opened = rng.choice([b"[", b'{"a":', b'{"inputs":', b'[{"inputs":['])
    path = rng.choice([b"/invocations", b"/labels", valid.INFER])
    return plain(Request(opened * depth, path))


@kind(2)
def deep_nesting_in_a_column(rng):
    depth = rng.choice([100, 900, 1_100, 10_000])
    nested = b"[" * depth + b"]" * depth
    where = rng.choice([b'"customer": ', b'"region": ', b'"other": ', b'"age": '])
    sent = valid.asked({"inputs": [valid.row(rng) | {"mark": 0}]})
    return plain(sent.but(body=sent.body.replace(b'"mark": ', where + nested + b', "mark": ')),
                 may_pass=True)  # fmt: skip


@kind()
def not_quite_json(rng):
    body = valid.request_in_json(rng).body
    wrong = rng.choice(
        [
            body.replace(b'"', b"'"),
            body[:-1] + b"," + body[-1:],
            body + body,
            body + b"x",
            b"// no\n" + body,
            body.replace(b":", b"=", 1),
            b"callback(" + body + b")",
            body.replace(b'"', b'"\n', 1),
            body.replace(b",", b",,", 1),
            body.replace(b"{", b"{1: 2,", 1),
        ]
    )
    return plain(Request(wrong, b"/invocations"))


@kind()
def something_else_than_asked_for(rng):
    path = rng.choice([b"/invocations", valid.INFER, b"/labels"])
    value = rng.choice([None, 3, "text", True, {}, [[]], [1], {"inputs": 3}, {"inputs": {"a": 1}}])
    return plain(valid.asked(value, path))


@kind(0.5)
def infinities(rng):
    word = rng.choice(
        [b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"inf", b"+1", b".5", b"0x1"]
    )
    sent = valid.asked(valid.in_form("inputs", [valid.row(rng) | {"age": "#"}]))
    return plain(sent.but(body=sent.body.replace(b'"#"', word)))


@kind()
def nan_in_odd_places(rng):
    body = valid.request_in_json(rng).body
    spot = rng.randrange(len(body))
    wrong = body[:spot] + rng.choice([b"NaN", b"NaN,", b'"NaN', b"\\NaN", b"NaNNaN"]) + body[spot:]
    return plain(valid.request_in_json(rng).but(body=wrong), may_pass=True)


@kind()
def duplicate_keys(rng):
    one = valid.asked({"inputs": valid.rows(rng)}).body
    other = valid.asked({"inputs": rng.choice([None, 3, valid.rows(rng)])}).body
    twice = rng.choice([one[:-1] + b"," + other[1:], one.replace(b'"age"', b'"age": 1, "age"')])
    return plain(Request(twice), may_pass=True)


@kind()
def lone_surrogates_and_controls(rng):
    odd = rng.choice([b"\\ud800", b"\\udc00\\ud800", b"\x01", b"\x7f", b"\\u0000", b"\\u2028"])
    body = valid.asked(valid.invocation(rng)).body.replace(b'"c', b'"' + odd, 1)
    return plain(Request(body), may_pass=True)


@kind(0.04)
def ten_megabytes(rng):
    size = 10 * 2**20
    row = json.dumps(valid.row(rng)).encode()
    body, may_pass = rng.choice(
        [
            lambda: (b" " * size + b'{"inputs": [' + row + b"]}", True),
            lambda: (b'{"junk": "' + b"a" * size + b'", "inputs": [' + row + b"]}", True),
            lambda: (b'{"inputs": [' + row[:-1] + b', "region": "' + b"x" * size + b'"}]}', True),
            lambda: (b"[" * size, False),
            lambda: (b'{"inputs": [' + b"NaN," * (size // 4) + b"]}", False),
            lambda: (b'"' * size, False),
            lambda: (rng.randbytes(2**16) * (size // 2**16), False),
        ]
    )()
    return plain(Request(body), may_pass=may_pass)


@kind(0.02)
def more_megabytes_than_allowed(rng):
    sent = Request(b" " * (17 * 2**20))
    return plain(sent.but(path=rng.choice([b"/invocations", b"/labels", valid.INFER])))
