import pandera.polars as pa
import polars as pl
import pytest

from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.refusals import refusals_of
from sixgates.gates.data.rows import split_rows
from sixgates.gates.data.skew import Skew
from sixgates.gates.data.summary import as_page, in_sentences, summarise
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from tests.gates.data.feed import DAY, NOW, START, of_day, project, rows, without_day

LABELS = pa.Check.isin([0, 1])
KINDS = pa.Check.str_length(max_value=9)


def is_not(number):
    return lambda data: data.lazyframe.select(pl.col("i") != number)


def told(frame, toy=None, now=NOW, skew=None):
    toy = toy or project()
    split = split_rows(frame, toy, now)
    data = measure_data(frame, split, toy, now, skew=skew)
    verdict = judge_validation(split, data, toy, now)
    summary = summarise(refusals_of(split, toy), split.problems, verdict, toy)
    return summary, in_sentences(summary), as_page(summary, "feed", verdict)


def spoilt(frame, value=float("inf"), since=NOW - 10 * DAY):
    late = pl.col("t") > since
    return frame.with_columns(x=pl.when(late).then(value).otherwise("x"))


def test_clean_data_has_nothing_to_tell():
    summary, sentences, _ = told(rows())
    assert not summary.to_tell
    assert sentences == ()


def test_each_rule_says_how_many_rows_since_when_and_what_to_do():
    summary, sentences, page = told(spoilt(rows()))
    (refused,) = summary.refused
    assert (refused.rule, refused.rows) == ("not_finite", 500)
    assert NOW - 10 * DAY < refused.first < NOW - 9 * DAY
    assert NOW - DAY < refused.last < NOW
    assert sentences[0].startswith(
        "500 of 3,500 rows (14.29 %) break 'not_finite', from 2026-03-06 "
    )
    assert sentences[0].endswith(": write null in place of infinity.")
    assert "| not_finite | 500 | 14.29 % |" in page
    assert "quarantined share: mend the rows that its rules refused" in page


def test_the_page_shows_examples_and_the_record_does_not():
    odd = pl.int_range(pl.len()) % 7 == 0
    frame = rows().with_columns(y=pl.when(odd).then(4_711).otherwise("y"))
    schema = project().contract.update_column("y", checks=LABELS)
    toy = project().model_copy(update={"contract": schema})
    summary, sentences, page = told(frame, toy)
    assert summary.refused[0].examples == ("4711",)
    assert "| 4711 |" in page
    assert "4711" not in " ".join(sentences)
    assert "4,711" not in " ".join(sentences)


def test_at_most_three_examples_are_shown_and_long_ones_are_cut():
    frame = rows().with_columns(kind=pl.concat_str(pl.lit("k" * 99), pl.col("who").str.head(1)))
    toy = project().model_copy(
        update={"contract": project().contract.update_column("kind", checks=KINDS)}
    )
    (refused,) = told(frame, toy)[0].refused
    assert len(refused.examples) == 3
    assert all(len(example) == 40 and example.endswith("…") for example in refused.examples)


@pytest.mark.parametrize(
    "check", [pa.Check.le(NOW), pa.Check(lambda d: d.lazyframe.select(pl.col(d.key) <= NOW))]
)
def test_times_in_a_wrong_unit_are_refused_by_name(check):
    far = pl.Series([START, NOW]).cast(pl.Int64) * 1_000
    frame = rows()
    since = pl.Series([START] * frame.height, dtype=pl.Datetime("us"))
    frame = frame.with_columns(since=since.scatter([3, 4], far.cast(pl.Datetime("us"))))
    toy = project()
    schema = toy.contract.add_columns({"since": pa.Column(pl.Datetime("us"), check)})
    roles = toy.roles.model_copy(update={"ignored": ("since",)})
    toy = toy.model_copy(update={"contract": schema, "roles": roles})
    (refused,) = told(frame, toy)[0].refused
    assert refused.rows == 2
    assert refused.examples == tuple(f"'{count} us since 1970'" for count in far)


def test_refused_rows_of_a_time_of_no_year_are_told_like_others():
    far = pl.int_range(pl.len()) < 2
    times = pl.when(far).then(-(10**17)).otherwise(pl.col("t").cast(pl.Int64))
    x = pl.when(far).then(float("inf")).otherwise("x")
    frame = spoilt(rows()).with_columns(t=times.cast(pl.Datetime("us")), x=x)
    (refused,) = told(frame)[0].refused
    assert refused.rows == 502
    assert NOW - 10 * DAY < refused.first < refused.last < NOW
    summary, sentences, _ = told(frame.head(2))
    assert summary.periods == ()
    assert sentences[0].startswith("2 of 2 rows (100 %) break 'not_finite': ")


def test_periods_are_shown_with_their_share_newest_at_the_end():
    summary, _, page = told(spoilt(rows(), since=NOW - 2.5 * DAY))
    assert [(p.start, p.rows) for p in summary.periods] == [
        (NOW - 3 * DAY, 50),
        (NOW - 2 * DAY, 50),
        (NOW - DAY, 50),
    ]
    assert [p.refused for p in summary.periods][1:] == [50, 50]
    assert "| 2026-03-15 00:00 | 50 | 50 | 100 % |" in page


def test_rows_without_a_time_have_no_span():
    frame = rows().with_columns(t=pl.when(pl.int_range(pl.len()) < 400).then(None).otherwise("t"))
    summary, sentences, _ = told(frame)
    assert summary.refused[0].first is None
    assert "break 'event_time': fill in 't' in UTC, and never later than now." in sentences[0]


def test_a_broken_table_says_what_is_wrong_with_it():
    summary, sentences, page = told(rows().drop("x", "z", "kind", "who"))
    assert [r.rule for r in summary.refused] == ["schema"]
    assert "schema: deliver the columns and types of the contract, or correct the contract." in (
        sentences
    )
    assert "column 'kind' is missing." in sentences  # the verdict names three
    assert "the table breaks the contract" in page


def test_only_the_first_rules_are_told_and_all_are_on_the_page():
    parts = [rows(seed=i).with_columns(i=i) for i in range(7)]
    frame = pl.concat(parts).filter(pl.col("t") < START + 60 * DAY)
    checks = [pa.Check(is_not(i), name=f"rule {i}") for i in range(7)]
    contract = project().contract.add_columns({"i": pa.Column(pl.Int32, checks)})
    roles = project().roles.model_copy(update={"ignored": ("i",)})
    toy = project().model_copy(update={"contract": contract, "roles": roles})
    _, sentences, page = told(frame, toy)
    assert "2 more rules refused rows." in sentences
    assert all(f"| i: rule {i} |" in page for i in range(7))


@pytest.mark.parametrize(
    ("frame", "skew", "about", "advice"),
    [
        (without_day(rows(), 65), None, "rows by period", "deliver the missing rows"),
        (pl.concat([rows(), of_day(rows(), 65)]).sort("t"), None, "repeated rows", "take out"),
        (rows().with_columns(x=pl.col("y") * 1.0), None, "label explained by", "ignored"),
        (rows(), Skew(90, 90, 0.5, ("x",)), "training/serving skew", "fill the feature"),
    ],
)
def test_a_refusal_of_the_feed_says_what_to_do(frame, skew, about, advice):
    _, sentences, _ = told(frame, skew=skew)
    assert any(s.startswith(about) and advice in s for s in sentences)


def test_every_check_that_can_fail_has_its_advice():
    from sixgates.gates.data import advice

    names = [
        "schema", "rows", "accepted rows with a known label", "quarantined share of new rows",
        "null share of x of new rows", "null share", "label classes", "known labels",
        "hours since the newest row", "rows by period", "event times that go backwards",
        "repeated rows", "repeated keys", "label rate", "late labels of one class",
        "label explained by one feature, x,", "nulls until the label is known, x,",
        "training/serving skew",
    ]  # fmt: skip
    for name in names:
        failed = Verdict.of(Gate.VALIDATE, [Check(name, Outcome.FAIL, 1.0, 0.0, 5, "no")])
        (line,) = advice.advice_on_checks(failed, ())
        assert line.startswith(f"{name.rstrip(',')}: "), name
        assert len(line) > len(name) + 10


def test_what_is_muted_or_passes_asks_for_nothing():
    from sixgates.gates.data.advice import advice_on_checks

    muted = Check("label rate", Outcome.FAIL, 1.0, 0.0, 5, "no", muted=True)
    passed = Check("rows by period", Outcome.PASS, 1.0, 2.0, 5, "yes")
    assert advice_on_checks(Verdict.of(Gate.VALIDATE, [muted, passed]), ()) == ()
