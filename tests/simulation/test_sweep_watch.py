"""The sweep of the watch plays what the watch judges, and sums it up as it says."""

from dataclasses import replace

import numpy as np
import pytest

from simulation.sweep.pool import Task
from simulation.sweep.watch.alerts import BARE, DEFAULT, alerts, first_alert
from simulation.sweep.watch.lives import (
    LIVE,
    Shift,
    delay_of,
    moved_lives,
    quiet_lives,
    quietness_of,
    run_length_bounds,
)
from simulation.sweep.watch.table import WatchPlan, plan_watch, play_watch
from simulation.sweep.watch.worlds import (
    FEATURES,
    LOSS,
    MOVED,
    ROWS,
    TOLD,
    WORLDS,
    shift_of,
    stream_of,
)
from sixgates.gates.drift.signals import SignalName
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.profile.distance import stability
from sixgates.gates.watch import judge_watch

INPUTS = (SignalName.INPUTS,)


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("world", ["season-young", "wobble-lasting"])
def test_one_pass_alerts_where_judging_window_by_window_does(world):
    quiet = replace(WORLDS[world], past=20)
    stream = stream_of(quiet, 22, rng(), moves=6, stability=1.0)
    # Everything moves, so that every signal has something to say.
    stream.areas[-8:] += 0.4
    stream.expected[-10:] += 0.4
    stream.losses[6:] += 0.4
    stream.answers[-9:] = np.roll(stream.answers[-9:], 5, axis=1) * np.arange(20) // 10
    for policy, at_once in zip((DEFAULT, BARE), alerts(stream, [DEFAULT, BARE]), strict=True):
        for live in range(1, stream.live + 1):
            report = judge_watch(stream.evidence(live), policy)
            found = {signal.name: signal.alert for signal in report.signals}
            assert found == {name: bool(flags[live - 1]) for name, flags in at_once.items()}, live
        assert all(flags.any() for flags in at_once.values())


def test_the_same_seed_gives_the_same_lives_however_they_are_dealt_out():
    whole = quiet_lives("wobble-lasting", range(3), 5)
    parts = [quiet_lives("wobble-lasting", range(i, i + 1), 5) for i in range(3)]
    assert whole == [[part[floors][0] for part in parts] for floors in (0, 1)]
    shift = Shift("iid", 0.5, 0)
    assert moved_lives(shift, range(2), 5) == moved_lives(shift, range(2), 5)


def test_a_large_shift_is_seen_by_the_inputs_soon_after_it():
    found = moved_lives(Shift("iid", 1.0, 20), range(4), 7)
    assert all(first is not None and 20 <= first[0] < 24 for first in found)
    assert all(SignalName.INPUTS in first[1] for first in found)


def test_three_features_move_by_the_index_that_is_asked_for():
    stream = stream_of(WORLDS["iid"], 40, rng(), moves=0, stability=0.25)
    past, now = (part.sum(axis=0) for part in (stream.counts[:60], stream.counts[60:]))
    found = np.sort(stability(past, now))[::-1]
    assert found[:MOVED] == pytest.approx(0.25, abs=0.05)
    assert found[MOVED:].max() < 0.01
    assert shift_of(0.0) == pytest.approx(0.0, abs=1e-6)


def test_days_of_a_week_differ_in_the_same_way_each_week():
    stream = stream_of(replace(WORLDS["season"], season=1.0, wobble=0.0), 14, rng())
    monday, tuesday, next_monday = (stream.counts[i] for i in (0, 1, 7))
    assert stability(monday, next_monday).mean() < 0.1 < stability(monday, tuesday).mean()


@pytest.mark.parametrize("world", WORLDS)
def test_a_life_has_the_shape_of_its_world(world):
    stream = stream_of(WORLDS[world], 5, rng())
    assert stream.counts.shape == (WORLDS[world].past + 5, FEATURES, 20)
    assert (stream.counts.sum(axis=2) == ROWS).all()
    assert stream.live == len(stream.losses) == 5
    assert stream.losses.mean() == pytest.approx(LOSS, abs=0.1)
    assert len(stream.known_losses(5)) == 3
    assert world in TOLD


def test_wobble_that_lasts_is_as_large_and_goes_together():
    quiet = replace(WORLDS["wobble-lasting"], past=2_000)
    areas = stream_of(quiet, 0, rng()).areas
    once = stream_of(replace(quiet, lasting=0.0), 0, rng()).areas
    assert areas.std() == pytest.approx(once.std(), rel=0.1)
    assert np.corrcoef(areas[1:], areas[:-1])[0, 1] > 0.3 > np.corrcoef(once[1:], once[:-1])[0, 1]


def test_run_lengths_count_each_life_until_its_first_alert():
    blocks = [[[(9, INPUTS), None], [(0, INPUTS), (0, (*INPUTS, SignalName.LOSS))]]]
    with_floors, bare = quietness_of("iid", blocks)
    assert (with_floors.lives, with_floors.windows, with_floors.alerts) == (2, 10 + LIVE, 1)
    assert with_floors.run_length == 10 + LIVE
    assert (bare.windows, bare.alerts, bare.run_length) == (2, 2, 1.0)
    assert bare.by == {"inputs": 2, "loss": 1}
    assert bare.low < 1.0 < bare.high


def test_without_an_alert_the_run_length_is_at_least_what_was_watched():
    (found, _) = quietness_of("iid", [[[None] * 5, [None] * 5]])
    assert (found.run_length, found.high) == (5 * LIVE, None)
    assert found.low == pytest.approx(5 * LIVE / 3.0, rel=0.01)  # the rule of three


def test_the_bounds_of_a_run_length_hold_it_as_often_as_they_say():
    alerts_in_1000 = rng().poisson(1_000 / 365, 4_000)
    bounds = [run_length_bounds(int(k), 1_000) for k in alerts_in_1000]
    assert np.mean([low <= 365 for low, _ in bounds]) >= 0.94
    assert np.mean([high is None or high >= 365 for _, high in bounds]) >= 0.94


def test_a_delay_counts_from_the_first_window_that_moved():
    shift = Shift("iid", 0.25, 20)
    found = delay_of(shift, [(20, INPUTS), (22, INPUTS), (23, INPUTS), None, (3, INPUTS)])
    assert (found.lives, found.early, found.unseen) == (5, 1, 1)
    assert (found.median, found.quarter) == (4.0, None)
    assert delay_of(shift, [None, (3, INPUTS)]).median is None
    assert delay_of(shift, [(3, INPUTS)]).median is None
    assert found.needed == 4
    assert delay_of(Shift("season-unknown", 0.25, 0), [None]).needed > 4


def quiet_task(*firsts):
    return Task("quiet", list, ([list(firsts), list(firsts)],))


def shift_task(*firsts):
    return Task("a shift", list, (list(firsts),))


@pytest.mark.parametrize(
    ("alerts_in_20", "delay", "kept"),
    [(10, 4, (True, True)), (11, 5, (False, False)), (0, None, (True, False))],
)
def test_a_figure_is_missed_beyond_its_bound(alerts_in_20, delay, kept):
    # Ten lives of 200 windows and ten that alert in the last of 165 make 365 windows an alert.
    quiet = [(164, INPUTS)] * alerts_in_20 + [None] * (20 - alerts_in_20)
    moved = None if delay is None else (20 + delay - 1, INPUTS)
    planned = WatchPlan(
        {"iid": [quiet_task(*quiet[:7]), quiet_task(*quiet[7:])]},
        {Shift("iid", 0.25, 20): [shift_task(moved, moved)]},
    )
    found = play_watch(planned, processes=1, told=lambda _: None)
    of_quiet, bare, of_delay = found.figures
    assert of_quiet.name == "windows to a false alert, iid"
    assert bare.name == "windows to a false alert, iid, no floors"
    assert of_delay.name == "windows to the alert, iid, 0.25 after 20"
    assert (of_quiet.ok, of_delay.ok) == kept
    assert (of_quiet.bound, of_delay.bound) == (365.0, 4)
    assert found.quiet[0].lives == 20


def test_where_ranks_cannot_be_fast_enough_a_delay_is_no_figure():
    shift = Shift("season-unknown", 0.5, 0)
    planned = WatchPlan({}, {shift: [shift_task((12, INPUTS))]})
    found = play_watch(planned, processes=1, told=lambda _: None)
    assert found.figures == ()
    assert found.delays[0].median == 13


def test_the_plan_plays_every_world_quiet_and_with_each_shift():
    planned = plan_watch(25, 3)
    assert set(planned.quiet) == set(WORLDS)
    lives = [life for task in planned.quiet["iid"] for life in task.arguments[1]]
    assert lives == list(range(25))
    assert {shift.world for shift in planned.shifts} == set(WORLDS)
    assert all(sum(len(t.arguments[1]) for t in tasks) == 7 for tasks in planned.shifts.values())
    assert len(planned.tasks) == 7 * 3 + 28


def test_a_world_of_no_known_name_is_refused():
    with pytest.raises(ConfigurationError, match="no world is called 'mars': choose from iid, "):
        plan_watch(1, 3, ["iid", "mars"])


def test_no_life_alerts_before_it_is_asked_since_when():
    silent = dict.fromkeys(SignalName, np.zeros(3, dtype=bool))
    found = silent | {SignalName.INPUTS: np.array([True, False, True])}
    assert first_alert(found) == (0, INPUTS)
    assert first_alert(found, 1) == (2, INPUTS)
    assert first_alert(silent) is None
