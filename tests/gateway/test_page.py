"""The page in a real browser, over a real gateway process and a ledger that lives on meanwhile."""

import re
import shutil
import socket
import threading
from dataclasses import dataclass, replace

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from sixgates.gateway.page.record import SHOWN
from sixgates.ledger.ledger import Kind
from tests.gateway.story import GROWING, HARMFUL, MODEL, Story
from tests.gateway.test_process import running

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync")  # fmt: skip
POISON = '<img src=x onerror="document.title=1"><b>bold</b> & </script>'
TELEPHONE = {"width": 390, "height": 844}

expect.set_options(timeout=30_000)  # milliseconds; a busy machine is no failure


@dataclass
class Seen:
    """One opened page, and what it asked for and complained about."""

    page: object
    story: Story
    process: object
    url: str
    requests: list
    complaints: list


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def story(house, champion, challenger):
    """A canary at 5 %, whose ticks find nothing wrong and not enough of anything."""
    story = Story(house.ledger, champion.digest, challenger.digest)
    story.first_model()
    story.shadow()
    story.canary(until=0.05)
    story.tick(GROWING)
    return story


@pytest.fixture
def opened(browser, house, story):
    """Open the page as a browser with these settings does."""
    with running(house) as (process, url):

        def open_page(*, clock=False, **settings):
            context = browser.new_context(**settings)
            page = context.new_page()
            if clock:
                page.clock.install()
            requests, complaints = [], []
            page.on("request", lambda request: requests.append(request.url))
            page.on("console", lambda said: complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(url)
            expect(page.locator("#page")).to_be_visible()
            return Seen(page, story, process, url, requests, complaints)

        yield open_page
        for context in browser.contexts:
            context.close()


def wide(page):
    """How far the page can be scrolled sideways, in pixels."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def texts(page, selector):
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def test_the_page_answers_who_serves_what_is_wrong_and_what_is_next(opened):
    seen = opened()
    page = seen.page
    expect(page.locator("h1#headline")).to_have_text("Version 1 serves; version 2 is tried on 5%.")
    expect(page.locator("#troubles")).to_contain_text("Nothing that this gateway knows of.")
    expect(page.locator("#following")).to_contain_text("gathers what it still needs, then it goes")
    expect(page.locator("#following")).to_contain_text("12 of 20 canary requests at 5%, some")
    facts = dict(zip(texts(page, "#serving dt"), texts(page, "#serving dd"), strict=True))
    assert facts["Champion"] == f"version 1 {seen.story.champion[:12]}"
    assert facts["Beside it"] == f"version 2 {seen.story.challenger[:12]}"
    assert facts["Its part"] == "canary: answers 5% and shadows the rest"
    assert facts["Its lease"].startswith("renewed by a tick, lasts ")
    assert page.title() == f"{MODEL}: Version 1 serves; version 2 is tried on 5%."
    fold = page.locator("#following").bounding_box()
    assert fold["y"] + fold["height"] < page.viewport_size["height"]


def test_the_stages_are_marked_and_the_evidence_is_drawn_with_its_lines(opened):
    page = opened().page
    rows = texts(page, "#stages tbody tr")
    assert [row.split()[0] for row in rows] == [
        "shadow", "canary", "canary", "canary", "canary", "promoted", "confirmed",
    ]  # fmt: skip
    present = page.locator("#stages tr[aria-current=step]")
    expect(present).to_have_count(1)
    expect(present).to_contain_text("5%")
    expect(page.locator("#stages tr.ahead")).to_have_count(4)
    picture = page.get_by_role("img", name=re.compile("E-values on a log scale"))
    expect(picture).to_be_visible()
    said = picture.get_attribute("aria-label")
    assert "loss: for a rollback 0." in said
    assert "of 120, for a promotion" in said
    names = picture.locator("text.name").all_text_contents()
    assert names[0] == "harm, the mean"
    assert picture.locator(".line").count() == len(names) + 4  # four of them may promote
    # What is enough has passed its line, and what is not has not.
    enough = picture.locator("rect.for.enough")
    assert 0 < enough.count() < 4
    line = picture.locator("g").nth(1).locator(".line").last.bounding_box()["x"]
    bars = [picture.locator("rect.for").nth(n).bounding_box() for n in range(4)]
    passed = [bar["x"] + bar["width"] > line for bar in bars]
    assert sum(passed) == enough.count()
    page.get_by_text("Every check in figures").click()
    expect(page.get_by_role("columnheader", name="in words")).to_be_visible()
    expect(page.get_by_role("rowheader", name="complete log")).to_be_visible()


def test_the_page_goes_on_by_itself_when_ticks_and_people_do(opened):
    seen = opened()
    page, story = seen.page, seen.story
    page.get_by_text("Every check in figures").click()
    newer = replace(GROWING, stage_requests=17)
    story.tick(newer, on_record=False)
    expect(page.locator("#following")).to_contain_text("17 of 20 canary requests")
    expect(page.locator("#checks details")).to_have_attribute("open", "")
    story.note(Kind.NOTICE, "the feed is late", "watch")
    expect(page.locator("#events tbody tr").first).to_contain_text("the feed is late")
    story.tick(HARMFUL)
    expect(page.locator("h1#headline")).to_have_text("Version 1 serves everybody.")
    expect(page.locator("#troubles")).to_contain_text("Version 2 was rolled back: worse than")
    expect(page.locator("#stages tr.now")).to_contain_text("rolled back")
    expect(page.locator("figure rect.against.enough").first).to_be_visible()
    assert page.evaluate("document.body.dataset.tone") == "care"
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    assert seen.requests.count(f"{seen.url}/") == 1


def test_an_event_that_a_reader_opened_stays_open_while_others_come(opened):
    seen = opened()
    page, story = seen.page, seen.story
    story.note(Kind.NOTICE, "the feed is late " * 20, "watch")
    opened_one = page.locator("#events details", has_text="the feed is late")
    opened_one.locator("summary").click()
    for n in range(SHOWN - 1):
        story.note(Kind.NOTICE, f"another notice, {n}", "watch")
    newest = page.locator("#events tbody tr").first
    expect(newest).to_contain_text(f"another notice, {SHOWN - 2}")
    expect(page.locator("#events tbody tr")).to_have_count(SHOWN)
    expect(opened_one).to_have_attribute("open", "")
    expect(opened_one.locator("summary")).to_be_focused()
    story.note(Kind.NOTICE, "one too many", "watch")
    expect(newest).to_contain_text("one too many")
    expect(opened_one).to_have_count(0)
    expect(page.locator("#events tbody tr")).to_have_count(SHOWN)


def test_nothing_is_asked_of_anybody_else_and_nothing_is_complained_about(opened):
    seen = opened(viewport=TELEPHONE)
    with seen.page.expect_response("**/page/state"):
        pass
    assert {re.sub(r"^data:.*", "data:", url) for url in seen.requests} <= {
        f"{seen.url}/", f"{seen.url}/page/state", "data:",
    }  # fmt: skip
    assert seen.complaints == []


def test_what_the_ledger_says_is_text_and_stays_text(opened):
    seen = opened()
    seen.story.note(Kind.NOTICE, POISON, POISON)
    row = seen.page.locator("#events tbody tr").first
    expect(row).to_contain_text(POISON)
    expect(row.locator("img, b, script")).to_have_count(0)
    assert seen.complaints == []
    assert seen.page.title() != "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_needs_sideways_scrolling_and_every_scheme_has_contrast(opened, scheme):
    seen = opened(viewport=TELEPHONE, color_scheme=scheme)
    page = seen.page
    seen.story.note(Kind.NOTICE, "unbroken" * 60, "http://a-very-long-name.example:8080/gateway")
    expect(page.locator("#events tbody tr").first).to_contain_text("unbroken")
    page.get_by_text("Every check in figures").click()
    for width in (TELEPHONE["width"], 320, 700, 760, 901, 1280):
        page.set_viewport_size({**TELEPHONE, "width": width})
        assert (width, max(wide(page), 0)) == (width, 0)
    page.set_viewport_size(TELEPHONE)
    assert page.locator("#troubles").bounding_box()["y"] < TELEPHONE["height"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 380) == (scheme == "light")
    assert page.evaluate(CONTRAST) == []


def test_a_gateway_that_is_gone_leaves_what_was_known_with_its_age(opened):
    seen = opened()
    seen.process.kill()
    seen.process.wait()
    link = seen.page.locator("#link")
    expect(link).to_have_text(re.compile(r"No answer from this gateway: this is \d+ s old, as of"))
    expect(link).to_have_class("lost")
    expect(seen.page.locator("h1#headline")).to_contain_text("Version 1 serves")


def test_a_hidden_tab_asks_nothing_and_asks_at_once_when_it_is_looked_at_again(opened):
    seen = opened(clock=True)
    with seen.page.expect_response("**/page/state"):
        seen.page.clock.run_for(3_000)
    hide(seen.page, hidden=True)
    before = len(seen.requests)
    seen.page.clock.run_for(60_000)
    assert len(seen.requests) == before
    with seen.page.expect_response("**/page/state"):
        hide(seen.page, hidden=False)


@pytest.fixture
def guarded(house):
    """Serve as if bound wider than loopback, on loopback all the same."""
    app = house.gateway(token="may-operate", host="10.0.0.1").app
    with socket.create_server(("127.0.0.1", 0)) as bound:
        quiet = {"log_level": "critical", "lifespan": "off", "ws": "none"}
        server = uvicorn.Server(uvicorn.Config(app, **quiet))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.mark.usefixtures("story")
def test_a_token_is_asked_for_kept_for_the_tab_alone_and_forgotten_on_demand(browser, guarded):
    context = browser.new_context()
    page = context.new_page()
    page.goto(guarded)
    given = page.get_by_label("A token that may read")
    expect(given).to_be_focused()
    expect(page.locator("#page")).to_be_hidden()
    given.fill("wrong")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#why")).to_contain_text("authorization: Bearer")
    given.fill("may-operate")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("h1#headline")).to_contain_text("Version 1 serves")
    page.reload()
    expect(page.locator("h1#headline")).to_contain_text("Version 1 serves")
    assert context.storage_state() == {"cookies": [], "origins": []}
    page.get_by_role("button", name="Forget the token").click()
    expect(given).to_be_visible()
    expect(page.locator("#page")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0
    context.close()


def test_on_paper_the_figures_are_there_too(opened):
    seen = opened()
    seen.page.emulate_media(media="print")
    seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(seen.page.get_by_role("rowheader", name="complete log")).to_be_visible()


def hide(page, *, hidden):
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


CONTRAST = """() => {
  const parsed = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parsed(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.getClientRects().length) continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.tagName)) continue;
    const style = getComputedStyle(node);
    const colour = parsed(node.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const [a, b] = [light(colour), light(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.add(`${node.tagName} ${text.data.trim()}`);
  }
  return [...poor];
}"""
"""Texts whose contrast with what lies behind them is less than WCAG's 4.5."""
