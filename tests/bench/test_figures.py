import io
import json
import math
import subprocess
from http.client import RemoteDisconnected
from urllib.error import URLError

import pytest
from rich.console import Console

from bench.figures import TIMES, at_least, at_most, failed, shown, write
from bench.gateway.load import Cost
from bench.gateway.pairs import ratio_of
from bench.gateway.switch import quantile
from bench.report import code_of, or_failed
from bench.table import table_of, written
from sixgates.gates.errors import TransientError

KEPT = at_most("one row", 1.2, 1.35, TIMES, "median of 5 pairs")
MISSED = at_most("one row", 1.5, 1.35, TIMES, "median of 5 pairs")


def printed(figures):
    console = Console(width=120, file=io.StringIO())
    console.print(table_of(figures))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("figure", "ok"),
    [
        (at_most("a", 1.35, 1.35, TIMES, ""), True),
        (at_most("a", 1.36, 1.35, TIMES, ""), False),
        (at_most("a", math.nan, 1.35, TIMES, ""), False),
        (at_least("a", 20.0, 20.0, TIMES, ""), True),
        (at_least("a", 19.9, 20.0, TIMES, ""), False),
        (at_least("a", math.nan, 20.0, TIMES, ""), False),
        (shown("a", 7.0, " ms", ""), True),
        (failed("a", "it did not install"), False),
    ],
)
def test_a_figure_is_ok_only_where_it_is_known_to_keep_its_bound(figure, ok):
    assert figure.ok is ok


def test_the_file_lists_name_value_bound_and_ok(tmp_path):
    write(tmp_path / "out/gateway.json", [KEPT, failed("two", "no wrk")], quick=True)
    document = json.loads((tmp_path / "out/gateway.json").read_text())
    assert document["quick"] is True
    keys = ("name", "value", "bound", "ok")
    assert [tuple(figure[key] for key in keys) for figure in document["figures"]] == [
        ("one row", 1.2, 1.35, True),
        ("two", None, None, False),
    ]


def test_the_table_shows_value_bound_and_whether_it_is_kept():
    text = printed(
        [KEPT, MISSED, failed("BentoML", "it did not install"), shown("RSS", 60.5, " MiB", "")]
    )
    one, two, three, four = text.splitlines()[1:]
    assert one.split("  ")[0] == "one row"
    assert f"1.20{TIMES}" in one
    assert f"≤ 1.35{TIMES}" in one
    assert "yes" in one
    assert " no " in two
    assert " no " in three
    assert "it did not install" in three
    assert "60.5 MiB" in four


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.2345, "1.23"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (0, "0"),
        (20, "20"),
        (4.185e-05, "4.2e-05"),
        (-0.0123, "-0.012"),
    ],
)
def test_values_have_about_three_digits(value, text):
    assert written(value, "") == text


@pytest.mark.parametrize(
    ("figures", "code"), [([KEPT], 0), ([KEPT, MISSED], 1), ([failed("a", "")], 1), ([], 1)]
)
def test_a_figure_out_of_bound_ends_with_an_error(figures, code):
    assert code_of(figures) == code


def test_what_cannot_be_measured_takes_the_place_of_its_figure():
    def group():
        yield KEPT
        raise TransientError("the server ended: see its log")

    kept, lost = or_failed("peers", group())
    assert kept == KEPT
    assert (lost.name, lost.value, lost.ok) == ("peers", None, False)
    assert lost.note == "the server ended: see its log"


@pytest.mark.parametrize(
    "exc",
    [
        TimeoutError("timed out"),
        URLError("refused"),
        RemoteDisconnected("closed"),
        subprocess.TimeoutExpired("wrk", 61),
        subprocess.CalledProcessError(1, "rows"),
    ],
)
def test_what_hangs_or_breaks_off_costs_its_own_figure_alone(exc):
    def group():
        yield KEPT
        raise exc

    kept, lost = or_failed("peers", group())
    assert kept == KEPT
    assert (lost.name, lost.value, lost.ok) == ("peers", None, False)
    assert lost.note == f"{type(exc).__name__}: {exc}"


def test_the_ratio_is_the_median_of_pairs_and_not_the_ratio_of_medians():
    def cost(micros):
        return Cost(micros, requests=1_000, per_second=1_000.0, p50=1.0, p99=2.0)

    # The machine was half as fast in the last two pairs.
    found = [(cost(a), cost(b)) for a, b in ((12, 10), (13, 10), (22, 20))]
    ratio = ratio_of(found)
    assert ratio.median == pytest.approx(1.2)
    assert ratio.note.startswith("median of 3 pairs, 1.10 to 1.30; 13.0 µs")


@pytest.mark.parametrize(
    ("number", "share", "value"),
    [(100, 0.99, 99), (101, 0.99, 100), (10, 0.99, 10), (1, 0.99, 1), (4, 0.5, 2)],
)
def test_a_quantile_is_a_value_that_was_measured_and_never_below_its_share(number, share, value):
    assert quantile(range(1, number + 1), share) == value
