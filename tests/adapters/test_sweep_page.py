from html.parser import HTMLParser

import pytest

from sixgates.adapters.sweep_page import write_sweep

VOID = {"meta", "br", "link", "img", "input", "hr"}
RULES = ("production", "by-period", "z-peek", "fixed-limit", "mann-whitney", "mixture-sprt")


class Page(HTMLParser):
    """The tags and the text of a page; fails where it is not well-formed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += f" {' '.join(data.split())}"


def cell(world, rule, effect, **changes):
    found = {"world": world, "rule": rule, "effect": effect * 0.02, "effect_in_margins": effect,
             "worlds": 100, "mean_looks": 30.0, "mean_requests": 5_200.0, "wald_requests": 4_786.0,
             "canary_requests": 2_600.0, "harmed": 0.0}  # fmt: skip
    for name, share in (("p_promote", 0.9), ("p_rollback", 0.04), ("p_undecided", 0.06)):
        found |= {name: share, f"{name}_low": max(share - 0.05, 0), f"{name}_high": share + 0.05}
    return found | changes


def found(**changes):
    asked = {"mean_requests": 200.0, "median_requests": 180.0, "p_promote": 1.0, "p_rollback": 0.0,
             "p_undecided": 0.0}  # fmt: skip
    return {
        "worlds": 100,
        "seed": 7,
        "project": None,
        "limits": {"margin": 0.02, "alpha": 0.05, "beta": 0.05},
        "scenarios": {"iid": "Steady traffic.", "paired-iid": "Pairs."},
        "cells": [
            *(cell("iid", rule, effect) for effect in (-1.0, 0.0, 0.5, 1.0) for rule in RULES),
            *(cell("paired-iid", rule, 0.0, wald_requests=None) for rule in RULES[:3:2]),
        ],
        "real_pairs": [
            {"data": "elec2", "worlds": 100, "days": 600, "mean_difference": 0.001,
             "paired": asked, "two_arms": asked | {"mean_requests": 2_345.0, "p_undecided": 0.25}}
        ],
        "figures": [
            {"name": "P(roll back | effect 0), iid", "value": 0.04, "bound": 0.05, "ok": True,
             "low": 0.01, "high": 0.09},
            {"name": "memory", "value": 1.3, "bound": 1.1, "ok": False, "low": None, "high": None},
        ],
        "left_out": ["segment-bug cannot have an effect of 10 margins: choose from -1 to 4"],
    } | changes  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def written(**changes):
        path = tmp_path / "sweep.html"
        write_sweep(path, found(**changes))
        return path.read_text()

    return written


def test_it_shows_every_world_rule_figure_and_what_was_left_out(write):
    page = Page(write())
    for said in ("Sweep: 1 of 2 figures kept", "kept", "missed", "Steady traffic.", "Pairs.",
                 "segment-bug cannot", "elec2", "2,345", "25.0%", "0.010 to 0.090",
                 *RULES):  # fmt: skip
        assert said in page.text, said
    tags = [tag for tag, _ in page.tags]
    assert tags.count("svg") == 4
    assert tags.count("tr") == 1 + 2 + 1 + 1 + 1 + 4 * 6 + 1 + 2


def test_it_needs_nothing_from_outside_and_runs_nothing(write):
    text = write()
    page = Page(text)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    assert "url(http" not in text
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text
    # A colour that is not a variable of the page would not follow light and dark.
    drawings = text[text.index("<svg") : text.rindex("</svg>")]
    assert "#0000" not in drawings


def test_no_two_drawings_share_a_name(write):
    names = [a["id"] for _, a in Page(write()).tags if "id" in a]
    assert len(names) == len(set(names))


def test_a_sweep_of_one_effect_without_figures_has_a_page_too(write):
    page = Page(write(cells=[cell("iid", "production", 0.5)], figures=[], real_pairs=[],
                      left_out=[], project="loans"))  # fmt: skip
    assert "None: they need the effects 0, 1 or 2." in page.text
    assert "loans" in page.text


def test_what_a_page_is_given_is_escaped(write):
    text = write(project="<script>alert(1)</script>", left_out=["<b>bold</b>"])
    assert "<script>" not in text
    assert "<b>bold" not in text
