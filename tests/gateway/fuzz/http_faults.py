"""What is no HTTP, or HTTP that contradicts itself. Each needs a connection of its own."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import alone, kind

LINE = b"POST /invocations HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"


@kind()
def no_http_at_all(rng):
    junk = rng.choice(
        [rng.randbytes(rng.randint(1, 500)), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3,
         b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"*1\r\n$4\r\nPING\r\n", b"SSH-2.0-x\r\n",
         b"\x00" * 100, b"{}", b'{"inputs": []}\r\n\r\n', b"HELO x\r\n",
         b"get / http/1.1\r\n\r\n"]
    )  # fmt: skip
    return alone(junk)


@kind()
def nothing_that_ends(rng):
    return alone(rng.choice([b"", b"\r\n", b"\r\n" * 1_000, b"\n\n"]))


@kind()
def a_wrong_first_line(rng):
    line = rng.choice(
        [b"POST /invocations", b"POST  HTTP/1.1", b"POST /invocations HTTP/9.9", b"POST",
         b" POST / HTTP/1.1", b"POST /a b HTTP/1.1", b"POST /\xff HTTP/1.1",
         b"P\x00ST / HTTP/1.1", b"POST /\t HTTP/1.1", b"POST http:// HTTP/1.1",
         b"POST x HTTP/1.1", b"POST ? HTTP/1.1", b"POST / HTTP/1.1 x", b"CONNECT a:1 HTTP/1.1",
         b"OPTIONS * HTTP/1.1", b"POST http://[ HTTP/1.1", b"POST /\x7f HTTP/1.1",
         b"POST http://h:99999999/ HTTP/1.1", b"POST " + b"/a" * 40_000 + b" HTTP/1.1"]
    )  # fmt: skip
    return alone(line + b"\r\nhost: h\r\n\r\n")


@kind(2)
def a_wrong_header_line(rng):
    line = rng.choice(
        [b"no colon", b": no name", b"a b: c", b"a\x00b: c", b"a: b\x00c", b" folded", b"a :b",
         b"\xff: x", b"a: b\rc: d", b"(a): b", b"content-length: 3 4", b"content-length: ",
         b"a:" + b"x" * 200_000]
    )  # fmt: skip
    return alone(LINE + line + b"\r\n\r\n", may_pass=True)


@kind(2)
def lengths_that_contradict(rng):
    body = valid.asked(valid.invocation(rng)).body
    n = len(body)
    lines = rng.choice(
        [b"content-length: %d\r\ncontent-length: %d" % (n, n + 1), b"content-length: -1",
         b"content-length: %d\r\ntransfer-encoding: chunked" % n, b"content-length: 0x10",
         b"content-length: 99999999999999999999", b"content-length: +%d" % n,
         b"content-length: 1e3", b"transfer-encoding: gzip", b"transfer-encoding: chunked, gzip",
         b"content-length: %d, %d" % (n, n),
         b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
         b"transfer-encoding: xchunked"]
    )  # fmt: skip
    return alone(LINE + lines + b"\r\n\r\n" + body)


@kind()
def a_length_that_is_wrong(rng):
    sent = valid.request_in_json(rng)
    n = max(0, len(sent.body) + rng.choice([-50, -10, -1, 1, 10, 10_000, 2**40]))
    return alone(sent.head(b"content-length: %d" % n) + sent.body)


@kind()
def no_length(rng):
    sent = valid.request(rng)
    return alone(sent.head() + sent.body)


@kind(2)
def broken_chunks(rng):
    sent = valid.request_in_json(rng)
    n, body = len(sent.body), sent.body
    chunks = rng.choice(
        [b"%x\r\n%bX\r\n0\r\n\r\n" % (n, body), b"zz\r\n%b\r\n0\r\n\r\n" % body,
         b"%x\r\n%b" % (n, body), b"-1\r\n\r\n", b"ffffffffffffffffff\r\n%b" % body,
         b"%x\n%b\n0\n\n" % (n, body), b"\r\n\r\n", b"%x %x\r\n%b\r\n0\r\n\r\n" % (n, n, body),
         b"%x\r\n%b\r\n0\r\nbad trailer\r\n\r\n" % (n, body),
         b"%x\r\n%b\r\n%x\r\n" % (n, body, 2**40)]
    )  # fmt: skip
    return alone(sent.head(b"transfer-encoding: chunked") + chunks)


@kind()
def odd_chunks_of_a_right_body(rng):
    sent = valid.request(rng)
    n, body = len(sent.body), sent.body
    chunks = rng.choice(
        [b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (n, body), b"%X\r\n%b\r\n0\r\nx: y\r\n\r\n" % (n, body),
         b"00%x\r\n%b\r\n000\r\n\r\n" % (n, body),
         b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n"]
    )  # fmt: skip
    return alone(sent.head(b"transfer-encoding: chunked") + chunks, may_pass=True)


@kind(2)
def wrong_bodies_in_chunks(rng):
    sent = valid.request_in_json(rng)
    sent = sent.but(body=sent.body[: rng.randint(1, len(sent.body) - 1)])
    return alone(sent.chunked(rng))


@kind()
def pipelined_junk(rng):
    """Right requests, then something that is none: the former are answered, the latter refused."""
    before = b"".join(valid.request(rng).raw() for _ in range(rng.randint(1, 5)))
    junk = rng.choice(
        [b"\x00\x01", rng.randbytes(40), b"GARBAGE\r\n\r\n", b"POST / HTTP/1.1\r\nbad\r\n\r\n"]
    )
    return alone(before + b"?" + junk + valid.request(rng).raw(), may_pass=True)


@kind()
def pipelined_faults(rng):
    sent = [valid.request_in_json(rng) for _ in range(rng.randint(2, 10))]
    return alone(b"".join(one.but(body=one.body[:-1]).raw() for one in sent))


@kind()
def a_request_cut_anywhere(rng):
    raw = valid.request(rng).raw()
    return alone(raw[: rng.randrange(1, len(raw))])


@kind()
def clients_that_leave(rng):
    raw = valid.request(rng).raw()
    return alone(raw[: rng.randrange(1, len(raw) + 1)], leaves=True, may_pass=True)


@kind(0.5)
def slow_and_wrong(rng):
    sent = valid.request_in_json(rng)
    sent = sent.but(body=sent.body[: rng.randint(1, len(sent.body) - 1)])
    raw = rng.choice([sent.raw(), sent.chunked(rng)])
    pieces, rest = [], raw
    for _ in range(rng.randint(1, 4)):
        cut = rng.randint(1, max(1, len(rest)))
        pieces += [rest[:cut], rng.uniform(0.001, 0.03)]
        rest = rest[cut:]
    return alone(*pieces, rest)


@kind()
def wishes_for_another_protocol(rng):
    wish = rng.choice([b"h2c", b"websocket", b"TLS/1.0", b"x" * 2_000])
    more = (b"connection: Upgrade, HTTP2-Settings", b"upgrade: " + wish, b"http2-settings: \xff")
    sent = valid.request_in_json(rng).but(more=more)
    return alone(sent.but(body=sent.body[:-1]).raw())


@kind()
def another_version(rng):
    version = rng.choice(
        [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.10", b"HTTP/01.1", b"http/1.1"]
    )
    return alone(valid.request(rng).raw().replace(b"HTTP/1.1", version, 1), may_pass=True)
