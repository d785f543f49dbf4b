"""The page of a run in a real browser: by its structure and its measures, not by its pixels."""

import shutil
from dataclasses import dataclass

import pytest
from playwright.sync_api import sync_playwright

from sixgates.adapters.report_page import write_report
from tests.adapters.a_report import check, e_values, result, verdict

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync")  # fmt: skip
LONG = "a_name_without_any_break" * 8


@dataclass
class Seen:
    page: object
    requests: list
    complaints: list


def told():
    """A run with every picture that there is, and names that no line holds."""
    shape = {
        "feature": LONG,
        "index": 1.25,
        "edges": (0.0, 1.0, 3.0),
        "levels": (),
        "reference": (0.5, 0.5),
        "window": (0.1, 0.8),
        "outside": [("null", 0.0, 0.1)],
    }
    level = shape | {"feature": "region", "edges": (), "levels": (LONG, "south")}
    alert = {**result()["alerts"][0], "features": [LONG], "drift": [shape, level],
             "window": "2026-02-08T00:00:00", "undrawn": ""}  # fmt: skip
    difference = {"mean": -0.02, "low": -0.03, "high": -0.01, "n": 800, "clusters": 90}
    compared = verdict(8, "b", "compare", checks=[check("loss difference", required=0.005)])
    compared["differences"] = [difference | {"rows": name} for name in ("all rows", LONG)]
    loss = check("loss", "inconclusive", sentence=f"loss of {LONG}")
    canary = verdict(9, "b", "canary", checks=[loss | {"e_values": e_values(3.0, 0.5)}])
    choices = [{"purpose": "put it back", "command": f"sixgates rollback --project /{LONG}"}]
    return result(alerts=[alert], verdicts=[compared, canary], choices=choices, next=[LONG])


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The page, opened once on a telephone with everything unfolded."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`")
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(path, LONG, {"loans": told()}, {})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="light")
        seen = Seen(page, [], [])
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("console", lambda said: seen.complaints.append(said.text))
        page.goto(path.as_uri())
        yield seen
        browser.close()


def unfold(page, *, whole=True):
    page.evaluate(
        f"document.querySelectorAll('details').forEach(d => d.open = {str(whole).lower()})"
    )


def heights(page, selector):
    return [element.bounding_box()["height"] for element in page.locator(selector).all()]


def test_no_width_needs_sideways_scrolling_with_everything_unfolded(seen):
    unfold(seen.page)
    for width in (390, 320, 720, 721, 1280):
        seen.page.set_viewport_size({"width": width, "height": 844})
        beyond = "document.documentElement.scrollWidth - window.innerWidth"
        assert (width, max(seen.page.evaluate(beyond), 0)) == (width, 0)


def test_every_picture_is_there_and_as_large_as_its_width_allows(seen):
    page = seen.page
    for width, shown, hidden in ((390, ".narrow", ".wide"), (1280, ".wide", ".narrow")):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.locator(f"figure {shown} svg").is_visible()
        assert not page.locator(f"figure {hidden} svg").is_visible()
        small = [svg.bounding_box() for svg in page.locator("figure.small > svg").all()]
        assert len(small) == 4  # two features, gate 4, gate 5
        assert all(250 < box["width"] <= 400 and box["height"] > 30 for box in small)
    drawn = page.locator("figure text").evaluate_all(
        "texts => texts.filter(t => t.getBoundingClientRect().width)"
        ".map(t => t.getBoundingClientRect().height)"
    )
    assert min(drawn) > 8  # letters that can be read


def test_dark_follows_the_reader_and_paper_is_light_and_unfolded(seen):
    page, colour = seen.page, "getComputedStyle(document.body).color"
    line = "getComputedStyle(document.querySelector('figure.shape path[style*=served]')).stroke"
    light = page.evaluate(colour), page.evaluate(line)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour), page.evaluate(line)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    unfold(page, whole=False)
    page.emulate_media(media="print", color_scheme="dark")
    assert (page.evaluate(colour), page.evaluate(line)) == light
    assert all(heights(page, "details.gate table"))
    page.emulate_media(media="screen")


def test_nothing_is_asked_of_anybody_and_nothing_is_complained_about(seen):
    assert len(seen.requests) == 1
    assert seen.complaints == []
