"""Tables in comma-separated values with something wrong in them."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import CSV, Request, kind, plain

WRONG = {
    "age": ["old", "1_000", "inf", "-inf", "1e999", "0x10", "1,5", "\u0663\u0664x"],
    "spend": ["none", "1 2", "--1", "\x00"],
    "when": ["soon", "inf", "1e300", "2026-02-30"],
}


def sent(text, **given):
    body = text if isinstance(text, bytes) else text.encode()
    return plain(Request(body, kind=CSV), **given)


@kind(2)
def csv_of_the_wrong_shape(rng):
    lines = valid.table(rng, valid.rows(rng, 3)).split("\n")
    spot = rng.randint(1, 3)
    match rng.randrange(6):
        case 0:
            lines[spot] += ",0"
        case 1:
            lines[spot] = lines[spot].rpartition(",")[0]
        case 2:
            lines[0] += ",age"
        case 3:
            lines[0] = lines[0].replace(rng.choice(["age", "spend", "region"]), "other")
        case 4:
            lines = lines[:1]
        case _:
            lines = lines[1:]
    return sent("\n".join(lines))


@kind(2)
def csv_with_wrong_values(rng):
    name = rng.choice(list(WRONG))
    return sent(valid.table(rng, [valid.row(rng) | {name: rng.choice(WRONG[name])}]))


@kind()
def csv_with_bad_quotes(rng):
    text = valid.table(rng)
    spot = rng.randrange(len(text))
    return sent(text[:spot] + rng.choice(['"', '""', '"x"y', "'"]) + text[spot:], may_pass=True)


@kind()
def csv_that_is_no_text(rng):
    body = valid.table(rng).encode()
    if rng.random() < 0.2:
        return sent(body.decode().encode("utf-16"))
    spot = rng.randrange(len(body))
    bad = rng.choice([b"\xff", b"\xc3\x28", b"\x80", b"\xed\xa0\x80"])
    return sent(body[:spot] + bad + body[spot:])


@kind(0.5)
def csv_with_a_huge_field(rng):
    size = rng.choice([131_072, 131_073, 1_000_000])
    given = valid.row(rng) | {rng.choice(["region", "customer", "age"]): "9" * size}
    return sent(valid.table(rng, [given]), may_pass=True)


@kind()
def csv_with_other_separators(rng):
    text = valid.table(rng)
    old, new = rng.choice(
        [("\n", "\r"), ("\n", "\r\n"), (",", ";"), (",", "\t"), ("\n", "\n\x00"), ("\n", "\u2028")]
    )
    return sent(text.replace(old, new), may_pass=True)


@kind()
def csv_with_odd_lines(rng):
    text = valid.table(rng)
    odd = rng.choice(["\n\n{}\n\n\n", "\ufeff\ufeff{}", ",,,\n,,,", "\n", ",", '"', "{0}\n{0}"])
    return sent(odd.format(text), may_pass=True)


@kind(0.05)
def csv_with_more_rows_than_allowed(rng):
    head, line = valid.table(rng, valid.rows(rng, 1)).split("\n")
    return sent(head + ("\n" + line) * rng.choice([10_001, 100_000]))
