from datetime import datetime, timedelta

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgates.gates.data.counts import count_split
from sixgates.gates.data.evidence import DataEvidence, measure_data
from sixgates.gates.data.refusals import refusals_of
from sixgates.gates.data.rows import RULE, rule_column, split_rows
from sixgates.gates.policy import Policies, ValidationPolicy
from sixgates.gates.project import Project, Roles
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Outcome

START = datetime(2024, 1, 1)  # noqa: DTZ001 - event time is naive UTC
HOUR = timedelta(hours=1)
NOW = START + 100 * HOUR
NAN, INF = float("nan"), float("inf")
SIDES = (pl.col("age") >= 0, pl.col("age") <= 120)
COLUMNS = {
    "t": pa.Column(pl.Datetime),
    "who": pa.Column(pl.String),
    "age": pa.Column(pl.Float64, [pa.Check.ge(0), pa.Check.le(120)]),
    "size": pa.Column(pl.Float64, nullable=True),
    "kind": pa.Column(pl.String, pa.Check.isin(["a", "b"]), nullable=True),
    "y": pa.Column(pl.Int64, pa.Check.isin([0, 1])),
}


def contract(*, columns=None, **options):
    return pa.DataFrameSchema({**COLUMNS, **(columns or {})}, **options)


def project(schema=None, *, label_time=False, **validation):
    schema = schema or contract()
    known = {"label_time": "known"} if label_time else {"label_horizon": 10 * HOUR}
    extra = set(schema.columns) - set(COLUMNS) - {"known"}
    return Project(
        name="toy",
        task="binary",
        contract=schema,
        roles=Roles(
            event_time="t", label="y", entity="who", numeric=("age", "size"),
            categorical=("kind",), ignored=tuple(sorted(extra)), **known,
        ),
        loss="brier",
        policies=Policies.with_margin(
            0.01, validation=ValidationPolicy(**{"min_rows": 5, **validation})
        ),
    )  # fmt: skip


def frame(n=10, **columns):
    good = {
        "t": [START + i * HOUR for i in range(n)],
        "who": [f"u{i}" for i in range(n)],
        "age": [30.0 + i for i in range(n)],
        "size": [1.0] * n,
        "kind": ["a", "b"] * (n // 2) + ["a"] * (n % 2),
        "y": [i % 2 for i in range(n)],
    }
    types = {name: column.dtype.type for name, column in COLUMNS.items()}
    return pl.DataFrame({**good, **columns}, schema_overrides=types)


def one(column, value, n=10):
    values = frame(n)[column].to_list()
    values[3] = value
    return frame(n, **{column: values})


def test_a_clean_frame_is_accepted_whole():
    split = split_rows(frame(), project(), NOW)
    assert split.accepted.equals(frame())
    assert split.quarantined.columns == [*frame().columns, RULE]
    assert (split.quarantined.height, split.problems, split.by_rule) == (0, (), {})


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("t", None, "event_time"),
        ("t", NOW + HOUR, "event_time"),
        ("y", None, "label_missing"),
        ("y", 2, "y: isin([0, 1])"),
        ("size", INF, "not_finite"),
        ("age", -INF, "not_finite"),
        ("age", None, "age: not_nullable"),
        ("age", NAN, "age: not_nullable"),
        ("age", -1.0, "age: greater_than_or_equal_to(0)"),
        ("age", 121.0, "age: less_than_or_equal_to(120)"),
        ("kind", "c", "kind: isin(['a', 'b'])"),
        ("who", None, "who: not_nullable"),
    ],
)
def test_a_bad_row_is_quarantined_under_the_rule_that_refused_it(column, value, rule):
    df = one(column, value)
    split = split_rows(df, project(), NOW)
    assert split.by_rule == {rule: 1}
    assert split.quarantined[RULE].to_list() == [rule]
    assert split.quarantined.drop(RULE).equals(df[3:4])
    assert split.accepted.equals(pl.concat([df[:3], df[4:]]))


def test_a_source_may_have_columns_of_the_name_that_tells_the_rule():
    schema = contract(columns={"rule": pa.Column(pl.String), "rule_": pa.Column(pl.String)})
    df = one("age", -1.0).with_columns(rule=pl.lit("mine"), rule_=pl.lit("too"))
    toy = project(schema)
    split = split_rows(df, toy, NOW)
    assert split.quarantined.columns == [*df.columns, "rule__"]
    assert split.quarantined.drop(rule_column(split.quarantined)).equals(df[3:4])
    assert split.by_rule == {"age: greater_than_or_equal_to(0)": 1}
    assert list(refusals_of(split, toy).by_rule) == list(split.by_rule)
    assert count_split(split, toy, NOW, START).new.by_rule == split.by_rule


def test_a_faulty_lazyframe_fails_like_any_other():
    lazy = one("age", -1.0).lazy()
    split = split_rows(lazy, project(), NOW)
    assert split.by_rule == {"age: greater_than_or_equal_to(0)": 1}
    verdict = judge_validation(split, DataEvidence(), project(), NOW)
    assert "quarantined share 0.1 > limit 0.05" in verdict.reason
    missing = split_rows(lazy.drop("age"), project(), NOW)
    assert missing.problems == ("column 'age' is missing",)


def test_two_checks_of_one_name_are_two_rules():
    above, below = (pa.Check(lambda d, c=c: d.lazyframe.select(c)) for c in SIDES)
    schema = contract(columns={"age": pa.Column(pl.Float64, [above, below])})
    split = split_rows(one("age", -1.0), project(schema), NOW)
    assert sum(split.by_rule.values()) == 1


def test_a_check_that_only_warns_refuses_nothing():
    check = pa.Check.ge(0, raise_warning=True)
    schema = contract(columns={"age": pa.Column(pl.Float64, check)})
    assert split_rows(one("age", -1.0), project(schema), NOW).quarantined.is_empty()


def test_an_optional_column_may_be_absent_and_is_held_to_its_rules_where_it_is_there():
    schema = contract(columns={"extra": pa.Column(pl.Int64, pa.Check.ge(0), required=False)})
    assert split_rows(frame(), project(schema), NOW).quarantined.is_empty()
    df = frame().with_columns(extra=pl.int_range(-1, 9))
    assert split_rows(df, project(schema), NOW).by_rule == {"extra: greater_than_or_equal_to(0)": 1}


def test_a_pattern_of_columns_judges_each_that_no_other_rule_is_for():
    schema = contract(columns={"^x_.*$": pa.Column(pl.Int64, pa.Check.ge(0), regex=True)})
    df = frame().with_columns(x_one=pl.int_range(-1, 9), x_two=pl.int_range(-2, 8))
    assert split_rows(df, project(schema), NOW).by_rule == {
        "x_one: greater_than_or_equal_to(0)": 1,
        "x_two: greater_than_or_equal_to(0)": 1,
    }


@pytest.mark.parametrize("value", [None, NAN])
def test_a_nullable_feature_may_be_missing(value):
    assert split_rows(one("size", value), project(), NOW).accepted.height == 10


def test_numbers_that_are_none_do_not_hide_one_out_of_range():
    sizes = [NAN, 1.0, NAN, 1e9, *[NAN] * 6]
    schema = contract(columns={"size": pa.Column(float, pa.Check.in_range(0, 9), nullable=True)})
    split = split_rows(frame(size=sizes), project(schema), NOW)
    assert split.by_rule == {"size: in_range(0, 9)": 1}
    assert split.quarantined["size"].to_list() == [1e9]


def test_a_label_that_cannot_be_known_yet_may_be_null():
    df = frame(y=[0, 1, 0, 1, 0, 1, 0, 1, None, None])
    now = START + 17 * HOUR + HOUR / 2
    assert split_rows(df, project(), now).accepted.height == 10
    assert split_rows(df, project(), now + HOUR).by_rule == {"label_missing": 1}


def test_a_check_that_refuses_nulls_does_not_refuse_a_young_label():
    schema = contract(columns={"y": pa.Column(pl.Int64, pa.Check.isin([0, 1], ignore_na=False))})
    df = frame(y=[0, 1, 0, 1, 0, 1, 0, 1, 0, None])
    assert split_rows(df, project(schema), START + 15 * HOUR).accepted.height == 10


def test_with_a_label_time_the_label_is_due_from_then_on():
    schema = contract(columns={"known": pa.Column(pl.Datetime)})
    known = [START + (i + 1) * HOUR for i in range(9)] + [None]
    df = frame(y=[None, *[1] * 8, None]).with_columns(known=pl.Series(known))
    split = split_rows(df, project(schema, label_time=True), NOW)
    assert split.by_rule == {"label_missing": 1}


def test_a_label_may_be_due_at_once():
    toy = project()
    at_once = toy.roles.model_copy(update={"label_horizon": timedelta(0)})
    split = split_rows(one("y", None), toy.model_copy(update={"roles": at_once}), NOW)
    assert split.by_rule == {"label_missing": 1}


def test_only_the_first_rule_of_a_row_is_named():
    df = one("age", -1.0).with_columns(kind=pl.lit("c"))
    split = split_rows(df, project(), NOW)
    assert split.by_rule == {"kind: isin(['a', 'b'])": 9, "age: greater_than_or_equal_to(0)": 1}


@pytest.mark.parametrize(
    ("df", "problem"),
    [
        (frame().drop("age"), "column 'age' is missing"),
        (frame().cast({"age": pl.Int64}), "column 'age' is Int64, the contract wants Float64"),
        (frame().cast({"y": pl.String}), "column 'y' is String, the contract wants Int64"),
    ],
)
def test_a_table_that_breaks_the_contract_is_quarantined_whole(df, problem):
    split = split_rows(df, project(), NOW)
    assert split.problems == (problem,)
    assert split.accepted.is_empty()
    assert split.by_rule == {"schema": 10}
    verdict = judge_validation(split, DataEvidence(), project(), NOW)
    assert verdict.outcome is Outcome.FAIL
    assert problem in verdict.reason


def test_every_problem_of_a_table_is_named():
    df = frame().drop("age").cast({"size": pl.String})
    assert len(split_rows(df, project(), NOW).problems) == 2


def test_a_role_wants_its_type_even_where_the_contract_is_silent():
    schema = contract(columns={"age": pa.Column(), "t": pa.Column()})
    df = frame().cast({"age": pl.String, "t": pl.String})
    problems = split_rows(df, project(schema), NOW).problems
    assert problems == (
        "column 'age' is String, its role wants numbers",
        "column 't' is String, its role wants a datetime",
    )


@pytest.mark.parametrize(
    ("column", "given", "kind"),
    [
        ("kind", pl.concat_list("kind"), "List(String)"),
        ("kind", pl.col("kind").cast(pl.Binary), "Binary"),
        ("who", pl.concat_list("who"), "List(String)"),
    ],
)
def test_a_category_or_entity_is_one_plain_value(column, given, kind):
    schema = contract(columns={column: pa.Column()})
    (problem,) = split_rows(frame().with_columns(given), project(schema), NOW).problems
    assert problem == f"column {column!r} is {kind}, its role wants one plain value"


def test_a_strict_contract_refuses_a_new_column():
    df = frame().with_columns(new=1)
    problems = split_rows(df, project(contract(strict=True)), NOW).problems
    assert problems == ("column 'new' is not in the contract, which is strict",)
    assert split_rows(df, project(), NOW).accepted.columns == df.columns


@pytest.mark.parametrize(
    "options", [{"coerce": True}, {"drop_invalid_rows": True}, {"add_missing_columns": True}]
)
def test_a_contract_is_compared_never_applied(options):
    df = one("age", -1.0)
    split = split_rows(df, project(contract(**options)), NOW)
    assert (split.accepted.height, split.quarantined.height) == (9, 1)
    wrong = split_rows(df.cast({"size": pl.Float32}), project(contract(**options)), NOW)
    assert wrong.problems


def test_an_environment_that_switches_pandera_off_changes_nothing(monkeypatch):
    from pandera import config

    monkeypatch.setattr(config.CONFIG, "validation_enabled", False)
    monkeypatch.setattr(config.CONFIG, "validation_depth", config.ValidationDepth.SCHEMA_ONLY)
    assert split_rows(one("age", -1.0), project(), NOW).quarantined.height == 1


def test_frame_checks_and_uniqueness_are_rules_too():
    below = pa.Check(lambda d: d.lazyframe.select(pl.col("size") < pl.col("age")), name="below")
    schema = contract(checks=[below], unique=[["who"], ["t", "kind"]])
    df = one("size", 99.0)
    df = df.with_columns(who=pl.when(pl.col("who") == "u1").then(pl.lit("u0")).otherwise("who"))
    df = pl.concat([df, df[9:].with_columns(who=pl.lit("other"))])
    split = split_rows(df, project(schema), NOW)
    assert split.by_rule == {
        "frame: below": 1,
        "frame: unique(who)": 2,
        "frame: unique(t, kind)": 2,
    }


def test_a_unique_column_refuses_all_copies():
    schema = contract(columns={"who": pa.Column(pl.String, unique=True)})
    assert split_rows(one("who", "u2"), project(schema), NOW).by_rule == {"who: unique": 2}


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (pa.Check(lambda _: False, name="volume"), "failed for the table as a whole"),
        (
            pa.Check(lambda d: d.lazyframe.select(pl.col("age").mean() > 99), name="volume"),
            "failed for the table as a whole",
        ),
        (
            pa.Check(lambda d: d.lazyframe.select(pl.col("gone") > 0), name="volume"),
            "could not run",
        ),
    ],
)
def test_a_check_that_names_no_rows_refuses_them_all(check, words):
    df = one("age", -1.0)
    split = split_rows(df, project(contract(checks=[check])), NOW)
    assert split.accepted.is_empty()
    assert "'frame: volume'" in split.problems[0]
    assert words in split.problems[0]


maybe = st.none() | st.sampled_from([NAN, INF, -1.0, 0.0, 50.0, 121.0])
rows = st.fixed_dictionaries(
    {
        "t": st.none() | st.integers(0, 130).map(lambda h: START + h * HOUR),
        "who": st.none() | st.sampled_from("uvw"),
        "age": maybe,
        "size": maybe,
        "kind": st.none() | st.sampled_from("abc"),
        "y": st.none() | st.sampled_from([0, 1, 2]),
    }
)


@settings(deadline=None, max_examples=50)
@given(st.lists(rows, max_size=15))
def test_accepted_plus_quarantined_is_the_input(drawn):
    df = frame(0) if not drawn else pl.DataFrame(drawn, schema=frame().schema)
    df = df.with_row_index("row")
    schema = contract(columns={"row": pa.Column()})
    split = split_rows(df, project(schema), NOW)
    both = pl.concat([split.accepted, split.quarantined.drop(RULE)]).sort("row")
    assert both.equals(df)
    assert sum(split.by_rule.values()) == split.quarantined.height
    assert split.quarantined[RULE].null_count() == 0
    again = split_rows(split.accepted, project(schema), NOW)
    assert again.quarantined.is_empty()


def judged(df, new_after=None, now=NOW, **policy):
    toy = project(**policy)
    split = split_rows(df, toy, now)
    data = measure_data(df, split, toy, now, new_after=new_after)
    return judge_validation(split, data, toy, now, new_after)


def test_good_data_passes():
    verdict = judged(frame())
    assert verdict.passed
    assert "accepted rows with a known label 10 >= limit 5 (n = 10)" in verdict.reason


def test_no_rows_at_all_is_a_named_refusal():
    verdict = judged(frame(0))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "the source has no rows up to 2024-01-05 04:00"


@pytest.mark.parametrize(
    ("df", "policy", "reason"),
    [
        (frame(), {"min_rows": 11}, "known label 10 < limit 11"),
        (one("age", -1.0), {}, "quarantined share 0.1 > limit 0.05 (n = 10), by age: greater"),
        (frame(size=[None, NAN] * 5), {}, "null share of size 1 > limit 0.5 (n = 10)"),
        (frame(y=[1] * 10), {}, "label classes 1 < limit 2 (n = 10): every known label is '1'"),
        (frame(), {"max_age": HOUR}, "hours since the newest row 91 > limit 1"),
        (frame(age=[-1.0] * 10), {}, "null share could not be measured (n = 0)"),
    ],
)
def test_data_that_cannot_be_trusted_is_refused(df, policy, reason):
    verdict = judged(df, **policy)
    assert verdict.outcome is Outcome.FAIL
    assert reason in verdict.reason


def test_only_failing_features_are_named():
    names = [c.name for c in judged(frame(size=[None] * 10)).checks if "null share" in c.name]
    assert names == ["null share of size"]
    names = [c.name for c in judged(frame()).checks if "null share" in c.name]
    assert len(names) == 1


def test_unmatured_rows_do_not_count_as_labelled():
    assert "known label 5 < limit 6" in judged(frame(), now=START + 14 * HOUR, min_rows=6).reason
    nothing = judged(frame(), now=START + 9 * HOUR)
    assert "label classes 0 < limit 2" in nothing.reason


def test_binary_labels_must_be_0_and_1():
    schema = contract(columns={"y": pa.Column(pl.Int64)})
    toy = project(schema)
    df = frame(y=[1, 2] * 5)
    split = split_rows(df, toy, NOW)
    verdict = judge_validation(split, measure_data(df, split, toy, NOW), toy, NOW)
    assert "binary label 'y' holds 2, not only 0 and 1" in verdict.reason


def test_a_feed_that_just_broke_does_not_hide_behind_a_long_history():
    ages = [30.0] * 90 + [30.0, -1.0] * 5
    df, toy = frame(100, age=ages), {"max_quarantined_share": 0.1}
    assert judged(df, **toy).passed
    verdict = judged(df, START + 89 * HOUR, **toy)
    assert "quarantined share of new rows 0.5 > limit 0.1 (n = 10)" in verdict.reason
    sizes = [1.0] * 90 + [None] * 10
    verdict = judged(frame(100, size=sizes), START + 89 * HOUR)
    assert "null share of size of new rows 1 > limit 0.5" in verdict.reason
