"""What is guessed of a table: small ones, each with one thing to see."""
# ruff: noqa: DTZ001 - naive UTC

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from sixgates.gates.card import Task
from sixgates.gates.draft.draft import draft_of
from sixgates.gates.draft.moments import label_delay
from sixgates.gates.draft.table import Table
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import LossName

ROWS = 2_000
START = datetime(2026, 1, 1)


def people(**columns):
    """A row an hour: customers who come again and leave, known a week later."""
    rng = np.random.default_rng(3)
    at = [START + timedelta(hours=hour) for hour in range(ROWS)]
    left = pl.Series(rng.integers(0, 2, ROWS), dtype=pl.Int8)
    known = pl.Series(at) <= at[-1] - timedelta(days=7)
    made = {
        "customer_id": rng.integers(0, 300, ROWS),
        "at": pl.Series(at, dtype=pl.Datetime("us")),
        "visits": rng.poisson(6, ROWS),
        "plan": rng.choice(["basic", "plus"], ROWS),
        "left": pl.select(pl.when(known).then(left)).to_series(),
    }
    return pl.DataFrame({**made, **columns})


def guessed(frame, **known):
    return draft_of(Table(frame, known.pop("total", frame.height), **known), "churn")


def ignored(draft):
    return {guess.value: guess.why for guess in draft.parts.ignored}


def test_the_roles_of_an_ordinary_table():
    draft = guessed(people())
    assert (draft.event_time.value, draft.label.value) == ("at", "left")
    assert draft.entity.value == "customer_id"
    assert [g.value for g in draft.parts.numeric] == ["visits"]
    assert [g.value for g in draft.parts.categorical] == ["plan"]
    assert (draft.task[0], draft.costs.loss, draft.open) == (Task.BINARY, LossName.BRIER, ())
    assert draft.label_horizon[0] == timedelta(days=7)
    assert (draft.pace.window, draft.pace.min_rows) == (timedelta(days=7), 100)


def test_order_in_the_file_does_not_matter():
    draft = guessed(people().sample(fraction=1, shuffle=True, seed=1))
    assert draft.label_horizon[0] == timedelta(days=7)
    assert draft.event_time.value == "at"


def test_a_label_is_known_by_what_is_empty_in_the_newest_rows():
    draft = guessed(people().rename({"left": "gone_at_last"}))
    assert draft.label.value == "gone_at_last"
    assert "empty in the newest rows" in draft.label.why


def test_of_several_times_the_one_that_is_named_like_an_event_is_taken():
    late = people().with_columns(updated_at=pl.col("at") + timedelta(days=1))
    draft = guessed(late.select("updated_at", pl.exclude("updated_at")))
    assert draft.event_time.value == "at"
    assert draft.event_time.why.endswith("The others are updated_at")


def test_without_a_label_or_a_time_the_draft_says_so_and_guesses_the_rest():
    draft = guessed(people().drop("at").rename({"left": "z"}))
    assert draft.open == ("event_time", "label")
    assert draft.entity.value == "customer_id"
    assert draft.features == ("visits", "z", "plan")


def test_a_label_time_is_filled_where_the_label_is():
    frame = people()
    delay = pl.Series(np.arange(ROWS) % 90)
    told = frame["at"] + pl.select(pl.duration(hours=delay)).to_series()
    draft = guessed(frame.with_columns(closed=pl.when(pl.col("left").is_not_null()).then(told)))
    assert (draft.label_time.value, draft.label_horizon) == ("closed", None)


def test_a_time_before_the_event_is_no_label_time():
    frame = people().with_columns(told=pl.col("at") - timedelta(hours=1))
    frame = frame.with_columns(told=pl.when(pl.col("left").is_not_null()).then("told"))
    draft = guessed(frame)
    assert draft.label_time is None
    assert "second time" in ignored(draft)["told"]


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("month", np.arange(ROWS) // 99, "goes on with time"),
        ("half", ["a"] * 1_000 + ["b"] * 1_000, "goes on with time"),
        ("code", [f"x{i * 7919 % ROWS}" for i in range(ROWS)], "Different in every row"),
        ("same", [1] * ROWS, "The same in all rows"),
        ("few", [1.5] * 500 + [None] * 1_500, "75% of it is empty"),
        ("town", [f"t{i * 7919 % 900}" for i in range(ROWS)], "900 different things"),
    ],
)
def test_what_teaches_nothing_is_ignored_with_the_reason(name, values, why):
    assert why in ignored(guessed(people(**{name: values})))[name]


def test_what_holds_the_answer_is_ignored():
    frame = people().with_columns(
        hint=pl.col("left").fill_null(0) * 2.5 + 1,
        reason=pl.when(pl.col("left").is_not_null()).then(pl.col("visits") % 3),
    )
    told = ignored(guessed(frame))
    assert "alone explains 100% of the label" in told["hint"]
    assert "Empty where left is" in told["reason"]


@pytest.mark.parametrize(("of_label", "of_column"), [(None, "nan"), ("nan", None), ("nan", "nan")])
def test_what_is_filled_only_with_the_label_is_ignored_where_nan_is_empty(of_label, of_column):
    known = pl.col("left").is_not_null()
    frame = people().with_columns(
        left=pl.when(known).then(pl.col("left").cast(pl.Float64)).otherwise(_empty(of_label)),
        reason=pl.when(known).then(pl.col("visits") % 3 / 2).otherwise(_empty(of_column)),
    )
    draft = guessed(frame)
    assert draft.label_horizon[0] == timedelta(days=7)
    assert "Empty where left is" in ignored(draft)["reason"]
    assert draft.table.null_share("reason") == pytest.approx(168 / ROWS)


def _empty(text):
    return pl.lit(text).cast(pl.Float64)


def test_what_makes_up_the_label_with_a_leak_is_ignored_too():
    rng = np.random.default_rng(1)
    many, few = rng.poisson(900, ROWS), rng.poisson(4, ROWS)
    frame = people(many=many, few=few, target=many + few).drop("left")
    draft = guessed(frame)
    assert draft.task[0] is Task.REGRESSION
    assert ignored(draft) == {
        "many": "It alone explains 99% of the label, so it may hold the answer",
        "few": "With many it makes up the label",
    }
    assert draft.costs.clip == 100
    assert 0 < draft.costs.margin < 2


def test_a_value_that_only_other_rows_hold_keeps_a_column():
    frame = people(urgent=[0] * ROWS)
    assert "urgent" in guessed(frame, total=90_000, ends={"urgent": (0, 3)}).features
    assert "urgent" not in guessed(frame, total=90_000, ends={"urgent": (0, 0)}).features


@pytest.mark.parametrize(
    ("form", "days", "found"),
    [("%m/%d/%Y", 1, False), ("%d/%m/%Y", 1, False), ("%d/%m/%Y", 31, True),
     ("%Y/%m/%d", 1, True), ("%d.%m.%Y", 1, True)],
)  # fmt: skip
def test_text_that_reads_as_a_time_in_two_ways_is_taken_for_none(form, days, found):
    at = [datetime(2021 + n // 400, n % 12 + 1, min(28, n % days + 1)) for n in range(ROWS)]
    draft = guessed(people(at=[moment.strftime(form) for moment in at]))
    assert ("event_time" not in draft.open) is found
    assert found or "can be read for sure" in draft.event_time.why


def test_dates_texts_and_decimals_are_converted():
    days = [date(2026, 1, 1) + timedelta(days=i // 24) for i in range(ROWS)]
    texts = [f"{START + timedelta(hours=i):%Y-%m-%dT%H:%M:%SZ}" for i in range(ROWS)]
    frame = people(day=days, paid=[Decimal(i % 7) / 4 for i in range(ROWS)])
    draft = guessed(frame.drop("at"))
    assert (draft.event_time.value, "paid" in draft.features) == ("day", True)
    assert [c.name for c in draft.conversions] == ["day", "paid"]
    zoned = guessed(people(at=texts))
    assert zoned.conversions[0].code == (
        'pl.col("at").str.to_datetime(time_unit="us", time_zone="UTC")'
    )
    assert zoned.label_horizon[0] == timedelta(days=7)


def test_a_label_of_yes_and_no_becomes_1_and_0():
    words = pl.col("left").replace_strict({0: "No", 1: "Yes"}, return_dtype=pl.String)
    draft = guessed(people().with_columns(words, member=words.fill_null("No")))
    assert draft.task[0] is Task.BINARY
    assert [c.name for c in draft.conversions] == ["left"]  # requests may go on saying "Yes"
    assert set(draft.table.rows["left"].drop_nulls()) == {0, 1}


def test_what_no_role_takes_is_left_out():
    draft = guessed(people(tags=[["a"]] * ROWS))
    assert [(g.value, g.why) for g in draft.parts.unusable] == [
        ("tags", "A List is no number and no text")
    ]


def test_a_table_without_a_feature_is_refused_with_the_reasons():
    rows = people(same=[1] * ROWS).select("customer_id", "at", "same", "left")
    with pytest.raises(ConfigurationError, match=r"feature of churn \(same: The same in all rows"):
        guessed(rows)


def test_missing_labels_all_over_say_nothing_about_their_delay():
    at = pl.Series([START + timedelta(hours=hour) for hour in range(1_000)])
    sometimes = pl.Series(np.arange(1_000) % 10 > 0)
    assert label_delay(at, sometimes) is None
    in_bursts = pl.Series(np.arange(1_000) < 990) | pl.Series(np.arange(1_000) > 994)
    assert label_delay(at, in_bursts) is None  # the very newest are known
    late = sometimes & (at < at[-1] - timedelta(days=3))
    assert timedelta(days=3) <= label_delay(at, late) <= timedelta(days=4)
