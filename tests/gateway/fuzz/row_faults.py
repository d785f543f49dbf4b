"""Rows with something wrong in them, in MLflow's protocol."""

from tests.gateway.fuzz import valid
from tests.gateway.fuzz.case import Request, kind, plain

NO_NUMBER = ("old", "", "12", "NaN", [], [1], {}, {"a": 1})
NO_NAME = ([], ["north"], {}, {"north": 1})
NO_TIME = ("yesterday", "", "2026-13-01", "2026-05-01T25:00", [], {}, True, 1e12, -1e300, 2**63,
           "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-05-01T09:30:00+99:99",
           "2026-W01-8", "\u0662026-05-01")  # fmt: skip


def rows_with(rng, name, wrong):
    given = valid.rows(rng)
    rng.choice(given)[name] = rng.choice(wrong)
    return plain(valid.asked(valid.invocation(rng, given)))


@kind(3)
def a_number_of_the_wrong_type(rng):
    return rows_with(rng, rng.choice(["age", "spend"]), NO_NUMBER)


@kind(2)
def a_category_of_the_wrong_type(rng):
    return rows_with(rng, "region", NO_NAME)


@kind()
def an_entity_of_the_wrong_type(rng):
    return rows_with(rng, "customer", ([], {}, [1], {"a": None}))


@kind(2)
def a_time_that_is_none(rng):
    return rows_with(rng, "when", NO_TIME)


@kind(2)
def a_missing_column(rng):
    given = valid.rows(rng)
    name = rng.choice(["age", "spend", "region"])
    form = rng.choice(valid.FORMS)
    if form == "dataframe_split":
        for one in given:
            del one[name]
    else:
        del rng.choice(given)[name]
    return plain(valid.asked(valid.in_form(form, given)))


@kind(2)
def huge_numbers(rng):
    digits = rng.choice([17, 30, 309, 310, 4_299, 4_301, 50_000])
    number = rng.choice(
        ["9" * digits, "-" + "9" * digits, "1" + "0" * digits, f"1e{digits}", f"1e-{digits}",
         "0." + "0" * digits + "1", "9" * digits + ".5"]
    )  # fmt: skip
    name = rng.choice(valid.COLUMNS)
    sent = valid.asked(valid.in_form("inputs", [valid.row(rng) | {name: "#"}]))
    return plain(sent.but(body=sent.body.replace(b'"#"', number.encode())), may_pass=True)


@kind(2)
def a_table_of_the_wrong_shape(rng):
    given = valid.in_form("dataframe_split", valid.rows(rng, 3))
    split = given["dataframe_split"]
    match rng.randrange(8):
        case 0:
            rng.choice(split["data"]).pop()
        case 1:
            rng.choice(split["data"]).append(0)
        case 2:
            split["columns"].append("age")
        case 3:
            split["columns"][0] = rng.choice([3, None, [], "other"])
        case 4:
            split["data"] = rng.choice([{}, 3, [3], [{}], None, [[], []], "rows"])
        case 5:
            del split[rng.choice(["columns", "data"])]
        case 6:
            given = {"dataframe_split": rng.choice([[], 3, "split", [split]])}
        case _:
            split["data"] = []
    return plain(valid.asked(given))


@kind()
def no_form_or_two(rng):
    given = rng.choice(
        [
            valid.in_form("inputs", valid.rows(rng)) | valid.in_form("instances", valid.rows(rng)),
            {"rows": valid.rows(rng)},
            {"inputs": None},
            {"inputs": []},
            {"Inputs": valid.rows(rng)},
            {"inputs": [valid.rows(rng)]},
            {"inputs": {"age": [1, 2]}},
        ]
    )
    return plain(valid.asked(given))


@kind(0.05)
def more_rows_than_allowed(rng):
    n = rng.choice([10_001, 20_000, 100_000])
    body = rng.choice(
        [
            b'{"inputs": [' + b"{}," * n + b"{}]}",
            b'{"dataframe_split": {"columns": [], "data": [' + b"[]," * n + b"[]]}}",
        ]
    )
    return plain(Request(body))  # fmt: skip


@kind(0.05)
def very_many_columns(rng):
    one = valid.row(rng) | {f"x{i}": i for i in range(rng.choice([1_000, 20_000]))}
    return plain(valid.asked(valid.in_form(rng.choice(valid.FORMS), [one])), may_pass=True)


@kind()
def odd_columns(rng):
    one = valid.row(rng) | {
        rng.choice(["", "\x00", "a" * 10_000, "é", "age "]): rng.choice(NO_NUMBER)
    }
    return plain(valid.asked(valid.invocation(rng, [one])), may_pass=True)


@kind()
def odd_entities(rng):
    odd = rng.choice(
        [1e300, -0.0, True, "", " ", "\n", "\x00", "x" * 100_000, "é\u2028", 2**64, 1e22]
    )
    return plain(
        valid.asked(valid.invocation(rng, [valid.row(rng) | {"customer": odd}])), may_pass=True
    )
