"""Well-formed HTTP with wrong methods, paths and headers."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import CSV, JSON, alone, kind, plain

WRONG_TYPES = (
    b"", b"text/plain", b"application/xml", b"multipart/form-data; boundary=x", b"json", b"*/*",
    b"application/json; charset=latin-1", b"application/json; charset=utf-16", b"\xff\xfe",
    b"application/" + b"x" * 9_000, b"application/json, text/csv", b'text/csv; charset="\xe9"',
    b"application/x-www-form-urlencoded", b"application/octet-stream", b"application/vnd.api+json",
)  # fmt: skip
NOWHERE = (
    b"//", b"/invocations/", b"/Invocations", b"//invocations", b"/./invocations", b"/%",
    b"/invocations/../labels", b"/%69nvocations%00", b"/%ff%fe", b"/%zz", b"/labels/", b"/v2/",
    b"/v2/models//infer", b"/v2/models/churn/infer/", b"/v2/models/churn/versions//infer",
    b"/admin", b"/admin/", b"/openapi", b"/.git/config", b"/healthz/..%2f", b"/%2e%2e/etc/passwd",
    b"/" + b"a" * 30_000, b"/v2/models/%0d%0ax:y/ready", b"/\\..\\", b"/v2/models/a%2Fb/ready",
)  # fmt: skip
ODD_HOSTS = (b"[", b"[::1", b"a b", b"\xff", b"", b"x" * 5_000, b"a:b:c", b"//", b"a@b", b"%")
ODD_TOKENS = (
    b"Bearer", b"Bearer ", b"bearer t", b"Basic dDp0", b"Bearer \xff\xfe", b"", b"t",
    b"Bearer " + b"x" * 30_000, b"Bearer t,Bearer t", b"Bearer  t",
)  # fmt: skip
HEADERS_OF_OTHERS = (
    b"x-forwarded-for: " + b"1, " * 2_000, b"x-forwarded-proto: gopher", b'forwarded: for="_"',
    b"traceparent: 00-zz-zz-00", b"traceparent: " + b"0" * 5_000, b"traceparent: \xff",
    b"expect: 100-continue", b"expect: 200-ok", b"te: trailers", b"accept: application/xml",
    b"accept-encoding: br", b"range: bytes=0-1", b"if-match: *", b"x-sixgates-arm: shadow",
)  # fmt: skip


@kind(2)
def a_wrong_content_type(rng):
    return plain(valid.asked(valid.invocation(rng)).but(kind=rng.choice(WRONG_TYPES)))


@kind()
def json_called_csv_and_csv_called_json(rng):
    if rng.random() < 0.5:
        return plain(valid.asked(valid.invocation(rng)).but(kind=CSV))
    return plain(valid.asked(valid.invocation(rng)).but(kind=JSON, body=valid.table(rng).encode()))


@kind()
def content_types_that_contradict(rng):
    more = rng.choice([b"content-type: text/csv", b"content-type: text/plain", b"content-type: x"])
    return plain(valid.request(rng).but(more=(more,)), may_pass=True)


@kind(2)
def a_wrong_method(rng):
    method = rng.choice([b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"PROPFIND"])
    path = rng.choice([b"/invocations", b"/labels", valid.INFER, b"/admin/prove", b"/admin/follow"])
    return plain(valid.request(rng).but(method=method, path=path))


@kind()
def a_post_where_nothing_is_sent(rng):
    path = rng.choice(
        [b"/healthz", b"/ping", b"/serving", b"/metrics", b"/openapi.json", b"/v2",
         b"/v2/models/churn", b"/v2/health/ready"]
    )  # fmt: skip
    return plain(valid.request(rng).but(path=path))


@kind()
def a_request_for_heads_alone(rng):
    path = rng.choice([b"/healthz", b"/invocations", b"/labels", b"/nowhere", valid.INFER, b"/v2"])
    sent = valid.request(rng).but(method=b"HEAD", path=path, body=b"")
    return alone(sent.raw(), bodiless=True, may_pass=True)


@kind(2)
def a_path_that_leads_nowhere(rng):
    method = rng.choice([b"GET", b"POST"])
    return plain(valid.request(rng).but(path=rng.choice(NOWHERE), method=method))


@kind()
def odd_queries(rng):
    query = rng.choice([b"?", b"?a=" + b"x" * 20_000, b"?%ff=%00", b"?a&b&a", b"??", b"?#", b"#x"])
    sent = valid.request(rng)
    return plain(sent.but(path=sent.path + query), may_pass=True)


@kind(2)
def a_wrong_request_id(rng):
    odd = rng.choice([b"x" * 201, b"x" * 9_000, b"\xe9", b"\xff\xff", b"a\tb", b"\xc2\xa0"])
    return plain(valid.asked(valid.invocation(rng)).but(more=(b"x-request-id: " + odd,)))


@kind()
def odd_request_ids(rng):
    odd = rng.choice([b"", b" ", b"x" * 200, b"../../x", b'"}\\n{"', b"a\r\nx-request-id: b"])
    sent = valid.asked(valid.invocation(rng)).but(more=(b"x-request-id: " + odd,))
    return plain(sent, may_pass=True)


@kind()
def two_hosts(rng):
    sent = valid.request(rng).but(path=rng.choice([b"/nowhere", b"/labels/", b"/invocations"]))
    return plain(sent.but(more=(b"host: " + rng.choice(ODD_HOSTS),)), may_pass=True)


@kind()
def an_odd_host(rng):
    path = rng.choice([b"/nowhere", b"/labels/", b"/healthz", b"/v2/models/churn/"])
    head = b"GET %b HTTP/1.1\r\nhost: %b\r\n\r\n" % (path, rng.choice(ODD_HOSTS))
    return alone(head, may_pass=True)


@kind()
def no_token_or_an_odd_one(rng):
    path = rng.choice([b"/admin/prove", b"/admin/follow"])
    line = b"authorization: " + rng.choice(ODD_TOKENS)
    return plain(valid.request(rng).but(path=path, more=(line,)))


@kind()
def very_many_headers(rng):
    n, value = rng.choice([500, 3_000]), b"v" * rng.choice([0, 10])
    lines = tuple(b"x-%d: %b" % (i, value) for i in range(n))
    return plain(valid.request(rng).but(more=lines), may_pass=True)


@kind()
def headers_of_proxies_and_traces(rng):
    sent = valid.request(rng).but(more=(rng.choice(HEADERS_OF_OTHERS),))
    return alone(sent.raw(), may_pass=True)
