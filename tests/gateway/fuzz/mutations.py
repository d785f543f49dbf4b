"""Right requests with a part changed at random: what nobody thought of writing down."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import alone, kind, plain

TOKENS = (
    b"null", b"NaN", b"[", b"]", b"{", b"}", b'"', b",", b":", b"-", b"1e308", b"\\u0000", b"\\",
    b"true", b"\xff", b"\x00", b"0", b"99999999999999999999", b"\r\n", b"inputs", b'{"":',
)  # fmt: skip


def flipped(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def deleted(rng, data):
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice([1, 1, 2, 10, 100]) :]


def inserted(rng, data):
    spot = rng.randrange(len(data) + 1)
    return data[:spot] + rng.choice(TOKENS) * rng.choice([1, 1, 2, 30]) + data[spot:]


def repeated(rng, data):
    start = rng.randrange(len(data))
    part = data[start : start + rng.randint(1, 60)]
    return data[:start] + part * rng.choice([2, 3, 50]) + data[start:]


def spliced(rng, data):
    other = valid.request(rng).body
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def swapped(rng, data):
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


MUTATIONS = (flipped, deleted, inserted, repeated, spliced, swapped)


def mutated(rng, data):
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        data = rng.choice(MUTATIONS)(rng, data or b" ")
    return data


@kind(20)
def a_mutated_body(rng):
    sent = valid.request(rng)
    return plain(sent.but(body=mutated(rng, sent.body)), may_pass=True)


@kind(4)
def a_mutated_request(rng):
    return alone(mutated(rng, valid.request(rng).raw()), may_pass=True)


@kind(2)
def mutated_chunks(rng):
    return alone(mutated(rng, valid.request(rng).chunked(rng)), may_pass=True)
