"""Walking a history forward: small worlds whose change is known."""

import re
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from projects.loans import project as loans
from simulation.backtest.backtest import backtest
from simulation.backtest.history import read_history
from simulation.backtest.models import Models
from simulation.backtest.play import Play, Stage, play_of
from simulation.backtest.plays import PLAYS, Kind, Policy, triggers_of
from simulation.backtest.present import Present
from simulation.backtest.recommend import choose, difference, recommend
from simulation.backtest.release import opened
from simulation.backtest.score import Score
from simulation.backtest.watching import Watching
from simulation.drift import Shift, ShiftKind
from simulation.world import World
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies
from sixgates.ledger.release import first_route

START = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC
DAYS, ROWS, TURN = 40, 120, 16
KNOWN_AFTER = timedelta(days=2)


def project_over(frame, **policies):
    changed = loans.policies.model_dump()
    given = {
        "validation": {"min_rows": 300},
        "training": {"rounds": 30},
        "canary": {"min_periods": 3, "margin": 0.03},
        "comparison": {"margin": 0.03},
        "monitor": {"periods": 3},
        "watch": {"min_rows": 50},
    } | policies
    for name, values in given.items():
        changed[name] |= values
    policies = Policies.model_validate(changed)
    return loans.model_copy(update={"source": frame.lazy, "policies": policies})


@pytest.fixture(scope="module")
def frame():
    """Forty days; on one of them what a feature means turns round."""
    turned = tuple(
        Shift(ShiftKind.CONCEPT, TURN, size, feature)
        for feature, size in (("debt_ratio", -4.0), ("utilisation", -4.0), ("income", 3.0))
    )
    return World(5, START, DAYS, ROWS, turned).frame()


@pytest.fixture(scope="module")
def found(frame):
    return backtest(project_over(frame), None)


def of(found, policy, *, gates):
    (play,) = (p for p in found["policies"] if (p["policy"], p["gates"]) == (policy, gates))
    return play


def test_every_policy_is_played_with_gates_and_without(found):
    assert [(p["policy"], p["gates"]) for p in found["policies"]] == [
        (str(kind.policy), kind.gates) for kind in PLAYS
    ]
    assert len(found["policies"]) == 9  # never is one play: no gate is asked
    assert found["rows"] == DAYS * ROWS
    assert found["metric"] == "auc"
    assert {
        "policy", "gates", "mean_loss", "metric", "worst_window", "worst_window_se",
        "retrains", "refused",
        "rolled_back", "train_seconds", "regret",
    } <= set(found["policies"][0])  # fmt: skip
    for policy in found["policies"]:
        assert 0 < policy["worst_window_se"] < policy["worst_window"] / 4


def test_never_trains_nothing_and_always_at_every_window(found):
    never, always = of(found, "never", gates=True), of(found, "always", gates=False)
    assert (never["retrains"], never["train_seconds"], never["events"]) == (0, 0, [])
    assert always["retrains"] == len(found["windows"]) - 1  # none at the end: nobody is left
    assert 0 < always["train_seconds"] <= found["fit_seconds"]


def test_in_a_world_that_turned_retraining_pays_and_regret_says_by_how_much(found):
    never = of(found, "never", gates=True)
    assert (never["gain"], never["gain_se"]) == (0, 0)
    for policy in ("every 5 %", "drift", "always"):
        for gates in (True, False):
            play = of(found, policy, gates=gates)
            assert play["mean_loss"] < never["mean_loss"] - 0.005, play["events"]
            assert play["regret"] < never["regret"]
            assert play["gain"] == pytest.approx(never["mean_loss"] - play["mean_loss"])
            assert 0 < play["gain_se"] < 0.1
            assert play["metric"] > never["metric"]


def test_a_release_goes_through_shadow_share_and_watch(found):
    whats = [e["what"] for e in of(found, "every 5 %", gates=True)["events"]]
    begin = whats.index("canary") - 1
    assert whats[begin] == "retrain"
    end = whats.index("promoted")
    assert set(whats[begin + 1 : end]) == {"canary"}
    assert whats[end + 1] in {"confirmed", "rolled_back"}


def test_the_watch_asks_after_the_world_turned_and_seldom_before(found):
    alerts = [e for e in of(found, "drift", gates=True)["events"] if e["what"] == "alert"]
    turned = (START + timedelta(days=TURN)).isoformat()
    assert [e["at"] > turned for e in alerts].count(True) >= 1
    assert of(found, "drift", gates=False)["retrains"] < len(found["windows"]) / 2


def played(frame, kind, **policies):
    """Play one policy alone, to the end of the frame."""
    history = read_history(project_over(frame, **policies), None)
    models, now = Models(history), START + timedelta(days=12)
    stage = Stage(history, models, Watching(history, models), triggers_of(history))
    first = Present(history, models, now, lambda _: None).run(None, ()).model
    play, row = play_of(stage, kind, first, now), history.until(now)
    while row < history.rows:
        now += timedelta(days=1)
        end = history.until(now)
        play.serve(row, end)
        play.act(Present(history, models, now, lambda _: None), window_ended=True)
        row = end
    return play


@pytest.mark.parametrize("gates", [True, False])
def test_a_retrain_on_drift_learns_from_the_rows_since_then_where_the_policy_asks(frame, gates):
    # A model of the turned world answers otherwise than one of the old: that is no harm here.
    calm = {"prediction_margin": None, "margin": 0.03, "min_periods": 3}
    kind = Kind(Policy.DRIFT, gates=gates)
    plain, dated = (
        played(frame, kind, canary=calm, training={"rounds": 30, "since_drift": asked})
        for asked in (False, True)
    )
    assert dated.drift_since == START + timedelta(days=TURN)
    assert (plain.retrains, dated.retrains) == (1, 1)
    assert [e["at"] for e in plain.events[:2]] == [e["at"] for e in dated.events[:2]]
    late = slice(-3 * ROWS, None)
    assert np.nanmean(dated.losses[late]) < np.nanmean(plain.losses[late]) - 0.05


def test_what_no_play_can_come_back_to_is_dropped_and_its_number_is_not_given_again(frame):
    history = read_history(project_over(frame), None)
    models, now = Models(history), START + timedelta(days=12)
    stage = Stage(history, models, Watching(history, models), triggers_of(history))

    def trained(now):
        return Present(history, models, now, lambda _: None).blind().model

    first, second = trained(now), trained(now + timedelta(days=4))
    served, end = history.until(now + timedelta(days=4)), history.until(now + timedelta(days=8))
    for model in (first, second):
        models.losses(model.number, served, end)
        alone = stage.watching.report(
            model, served, now + timedelta(days=8), now, stage.triggers.drift
        )
        assert alone.window is not None
    lost = models.losses(first.number, served, end)
    stage.keep({first.number}, end)
    assert set(models.kept) == {first.number}
    assert set(stage.watching._looks) == {first.number}
    assert (models.losses(first.number, served, end) == lost).all()
    assert trained(now + timedelta(days=8)).number == "3"


@pytest.mark.parametrize("asked", [False, True])
def test_a_moment_is_learnt_once_for_each_date_that_counts(frame, asked):
    project = project_over(frame, training={"rounds": 30, "since_drift": asked})
    history, fits = read_history(project, None), []
    present = Present(history, Models(history), START + timedelta(days=26), fits.append)
    plain, dated = present.blind().model, present.blind(START + timedelta(days=TURN)).model
    assert present.blind(START + timedelta(days=TURN)).model is dated
    assert present.blind().model is plain
    assert (dated is plain, len(fits)) == (not asked, 1 + asked)
    assert (dated.text == plain.text) is not asked


def trained_at(history, models, *days):
    moments = [START + timedelta(days=day) for day in days]
    return [Present(history, models, now, lambda _: None).blind().model for now in moments]


def test_a_release_is_judged_before_anybody_was_answered_in_it(frame):
    history = read_history(project_over(frame), None)
    models = Models(history)
    champion, challenger = trained_at(history, models, 12, 16)
    now = challenger.trained
    route = first_route(
        "loans", champion.version, release="first", at=now, actor="somebody", reason="the first"
    )
    release = opened(history, models, route, challenger, now)
    assert release.judge(now + timedelta(days=1)) is release.routes[0]


def test_a_model_answers_a_holdout_once_for_all_gates_and_plays(frame, monkeypatch):
    history, asked = read_history(project_over(frame), None), []
    models = Models(history)

    def counted(text, card, rows):
        asked.append(card.digest)
        return predict(text, card, rows)

    monkeypatch.setattr("simulation.backtest.present.predict", counted)
    champions = trained_at(history, models, 12, 13)
    present = Present(history, models, START + timedelta(days=15), lambda _: None)
    for champion in (*champions, champions[0]):
        present.run(champion, ())
    assert sorted(asked) == sorted(model.card.digest for model in models.kept.values())


def test_nothing_that_happens_later_changes_what_was_decided(frame, found):
    moment = START + timedelta(days=28)
    at, label = pl.col("ts"), pl.col("defaulted")
    # What was not known at the moment is another world: labels too young to be known are turned
    # round, and whatever comes later is noise.
    later = at > moment
    unknown = at + KNOWN_AFTER > moment
    other = frame.with_columns(
        pl.when(unknown).then(1 - label).otherwise(label).alias("defaulted"),
        *(
            pl.when(later).then(pl.col(name).reverse()).otherwise(pl.col(name)).alias(name)
            for name in ("income", "utilisation", "region")
        ),
    ).with_columns(pl.col("defaulted").cast(frame.schema["defaulted"]))
    assert not other.equals(frame)
    elsewhere = backtest(project_over(other), None)
    for one, two in zip(found["policies"], elsewhere["policies"], strict=True):
        then = [
            [event for event in play["events"] if event["at"] <= moment.isoformat()]
            for play in (one, two)
        ]
        assert then[0] == then[1]
        assert one["mean_loss"] != two["mean_loss"]
    assert sum(len(play["events"]) for play in found["policies"]) > 50


def test_a_label_is_shown_when_it_is_known_and_not_before(frame):
    history = read_history(project_over(frame), None)
    now = START + timedelta(days=20)
    rows = history.until(now)
    old_enough = int((frame["ts"] + KNOWN_AFTER <= now).sum())
    assert 0 < old_enough < rows
    assert history.as_of(now)["defaulted"].is_not_null().sum() == old_enough
    shown = history.labels(0, history.rows, now)
    assert shown.height == old_enough
    assert shown["request"].to_list() == [str(i) for i in range(old_enough)]
    assert shown["label"].cast(pl.Float64).to_list() == frame["defaulted"][:old_enough].to_list()


def test_a_feature_that_is_written_with_the_label_is_refused_by_name(frame):
    known = (pl.col("ts") + KNOWN_AFTER <= frame["ts"].max()) & pl.col("defaulted").is_not_null()
    planted = frame.with_columns(
        inquiries=pl.when(known).then(pl.col("defaulted")).cast(frame.schema["inquiries"])
    )
    with pytest.raises(ConfigurationError, match=r"no first model .* gate validate.*inquiries"):
        backtest(project_over(planted), None)


def test_a_history_that_is_too_short_or_has_no_labels_is_refused(frame):
    with pytest.raises(ConfigurationError, match=r"has 1,000 rows: a backtest .* at least 3,000"):
        backtest(project_over(frame.head(1_000)), None)
    bare = frame.with_columns(defaulted=pl.lit(None, frame.schema["defaulted"]))
    with pytest.raises(ConfigurationError, match=r"no row of .* has a label in 'defaulted'"):
        backtest(project_over(bare), None)


@pytest.mark.parametrize(
    ("year", "count", "said"),
    [
        (2036, 1, "1 of 4,800 lie 3,608 days after all others (ts 2036-01-01 00:00), and a"),
        (1970, 2, "2 of 4,800 lie 20,458 days before all others (ts 1970-01-01 00:00, 1970-01-0"),
        (1970, 5, "1970-01-01 02:00 and 2 more), and a backtest would play"),
    ],
)
def test_rows_of_another_age_are_named_and_not_walked_to(frame, year, count, said):
    wrong = pl.datetime(year, 1, 1) + pl.duration(hours=pl.int_range(pl.len()))
    strays = frame.head(count).with_columns(ts=wrong.cast(frame.schema["ts"]))
    whole = pl.concat([frame.tail(-count), strays]).sort("ts")
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        backtest(project_over(whole), None)


def test_a_pause_in_a_history_is_no_other_age(frame):
    paused = frame.with_columns(
        pl.when(pl.int_range(pl.len()) >= 0.9 * pl.len())
        .then(pl.col("ts") + timedelta(days=400))
        .otherwise("ts")
    )
    assert read_history(project_over(paused), None).rows == frame.height


def test_no_first_model_is_tried_again_where_no_row_comes(frame, monkeypatch):
    tried, run = [], Present.run
    monkeypatch.setattr(Present, "run", lambda self, *a: tried.append(self.now) or run(self, *a))
    early = pl.int_range(pl.len()) < pl.len() // 4
    old = frame.with_columns(ts=pl.when(early).then(datetime(1970, 1, 1)).otherwise("ts"))  # noqa: DTZ001
    backtest(project_over(old), None)
    assert sum(now < START for now in tried) == 1


def test_a_history_of_which_nothing_can_be_scored_is_refused_before_it_is_played(frame):
    early = pl.col("ts") < START + timedelta(days=10)
    label = pl.when(early).then("defaulted")
    told = []
    with pytest.raises(ConfigurationError, match=r"no row of loans after its first model.*label"):
        backtest(project_over(frame.with_columns(defaulted=label)), None, lambda *_: told.append(1))
    assert told == []
    late = (
        pl.when(pl.col("ts") < START + timedelta(days=8)).then("ts").otherwise(pl.col("ts").max())
    )
    with pytest.raises(ConfigurationError, match="after the oldest fifth are of one moment"):
        backtest(project_over(frame.with_columns(ts=late)), None)


def scored(policy, windows, retrains, *, gates=True):
    play = Play(None, Kind(policy, gates), None, np.empty(0), np.empty(0), 0, (START, 0))
    play.retrains = retrains
    return Score(play, float(np.mean(windows)), 0.0, np.array(windows), 0.1, 0.0)


NEVER = scored(Policy.NEVER, [0.3, 0.5, 0.4, 0.6], 0)
EVERY = scored(Policy.EVERY, [0.2, 0.2, 0.2, 0.2], 16)
CHEAP = scored(Policy.DRIFT, [0.21, 0.18, 0.22, 0.2], 3)
BLIND = scored(Policy.ALWAYS, [0.1, 0.1, 0.1, 0.1], 40, gates=False)
ALIKE = np.ones(4)


def test_the_cheapest_policy_within_the_noise_of_the_best_is_recommended():
    assert choose([NEVER, EVERY, CHEAP], ALIKE) is CHEAP
    assert choose([NEVER, EVERY], ALIKE) is EVERY
    quiet = scored(Policy.NEVER, [0.2, 0.21, 0.19, 0.2], 0)
    assert choose([quiet, EVERY, CHEAP], ALIKE) is quiet


def test_what_loses_more_than_no_retrain_is_not_recommended_however_noisy():
    windows = np.full(20, 0.2)
    windows[7] = 3.0  # one disaster, which makes every difference to it noise
    lucky = scored(Policy.DRIFT, windows, 3)
    every, never = scored(Policy.EVERY, [0.2] * 20, 16), scored(Policy.NEVER, [0.3, 0.29] * 10, 0)
    assert lucky.mean_loss > never.mean_loss
    assert not difference(lucky, every, np.ones(20)).beyond_noise
    assert choose([never, every, lucky], np.ones(20)) is every


def test_a_gain_is_that_of_the_rows_with_a_label(frame):
    seldom = pl.int_range(pl.len()) % 20 == 0
    late = pl.col("ts") > START + timedelta(days=TURN + 6)
    thinned = frame.with_columns(defaulted=pl.when(~late | seldom).then("defaulted"))
    calm = {"validation": {"min_rows": 300, "max_quarantined_share": 0.99}}
    found = backtest(project_over(thinned, **calm), None)
    never = of(found, "never", gates=True)
    gains = [(play["gain"], never["mean_loss"] - play["mean_loss"]) for play in found["policies"]]
    assert max(abs(gain) for gain, _ in gains) > 0.001
    for gain, less in gains:
        assert gain == pytest.approx(less)


def test_a_gain_without_gates_is_told_and_not_recommended():
    assert choose([NEVER, CHEAP, BLIND], ALIKE) is CHEAP
    braked = scored(Policy.ALWAYS, [0.3, 0.3, 0.3, 0.3], 30)
    for what in ("refused at compare", "refused at compare", "retrain", "expired"):
        braked.play.tell(START, what, "why")
    sentence = recommend([NEVER, CHEAP, braked, BLIND], ALIKE)
    assert sentence.startswith("retrain on drift, with gates on: mean loss 0.2025 with 3 retrains")
    assert "retrain always, with gates off loses 0.1025" in sentence
    assert sentence.endswith(
        "with gates on it had 2 refused at gate compare, 1 expired in the canary: look at why"
    )


def test_a_difference_is_weighed_by_rows_and_its_error_needs_two_windows():
    found = difference(NEVER, EVERY, np.array([1.0, 0.0, 0.0, 3.0]))
    assert found.mean == pytest.approx((0.1 + 3 * 0.4) / 4)
    assert not difference(NEVER, EVERY, np.array([1.0, 0, 0, 0])).beyond_noise


def test_windows_that_resemble_their_neighbours_do_not_count_one_by_one():
    rng = np.random.default_rng(2)
    lasting = np.repeat(rng.normal(0.1, 0.1, 20), 10)  # ten windows alike, twenty times
    one, other = scored(Policy.EVERY, lasting, 1), scored(Policy.NEVER, np.zeros(200), 0)
    found = difference(one, other, np.ones(200))
    assert found.error == pytest.approx(lasting[::10].std(ddof=1) / np.sqrt(20))
    assert found.error > 3 * lasting.std(ddof=1) / np.sqrt(200)
