"""The report in a real browser, from the file system: nothing fails, and the list works."""

from __future__ import annotations

import shutil

import pytest
from report_data import HEBREW, HOSTILE, questions, scripted

from pipelines.evaluate import OpenSettings, evaluate_open

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as started:
        try:
            opened = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no browser: {error.message.splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    settings = OpenSettings(top_k=4, k=(1, 4), threshold=0.35, sweep=(1, 2))
    evaluate_open(questions(9), scripted(9), settings, report=folder)
    return folder / "report.html"


@pytest.fixture
def open_page(browser, report):
    opened = []

    def open_(width=1200, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        page = context.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("requestfailed", lambda request: problems.append(request.url))
        page.goto(report.as_uri())
        opened.append((context, problems))
        return page

    yield open_
    for context, problems in opened:
        assert problems == []
        context.close()


def test_list_filters_sorts_and_grows(open_page):
    page = open_page()
    items = page.locator(".question")
    assert items.count() == 30
    page.get_by_role("button", name="Show more").click()
    assert items.count() == 60
    assert page.locator("#count").inner_text() == "63 of 63 questions"
    page.get_by_label("Outcome").select_option("right")
    assert items.count() == 18
    page.get_by_label("Order").select_option("up")
    assert "when was it sung" in items.first.inner_text()
    page.get_by_label("Outcome").select_option("")
    page.get_by_label("Fault").select_option("ranking")
    assert items.count() == 9
    page.get_by_role("searchbox").fill("NOBODY 3")
    assert items.count() == 1
    assert page.locator("#more").is_hidden()


def test_marks_stand_on_the_right_words(open_page):
    page = open_page()
    page.locator(".question summary").first.click()
    first = page.locator(".question").first
    assert first.locator("mark.m3").first.inner_text() == "Bob Dylan"
    assert first.locator(".passage p").first.inner_text().startswith("🤔 Bob")


def test_hostile_text_is_only_text(open_page):
    page = open_page()
    assert page.title() == "Open questions"
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator(".question").nth(2).inner_text()


def test_right_to_left_text_runs_right_to_left(open_page):
    page = open_page()
    item = page.locator(".question").nth(3)
    item.locator("summary").click()
    direction = "element => getComputedStyle(element).direction"
    assert item.locator(".asked").evaluate(direction) == "rtl"
    assert item.locator(".passage p", has_text=HEBREW).evaluate(direction) == "rtl"
    assert item.locator(".passage p").first.evaluate(direction) == "ltr"


@pytest.mark.parametrize("width", [360, 768, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_off_the_page(open_page, tmp_path, width, scheme):
    page = open_page(width, scheme)
    page.locator(".question summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Words are told from the ground by at least WCAG's 4.5 to 1.
    assert page.evaluate(CONTRAST) >= 4.5
    shot = tmp_path / "report.png"
    page.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 20_000


CONTRAST = """() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const card = light(getComputedStyle(document.querySelector(".card")).backgroundColor);
  const ratios = [".tile .label", ".tile strong", ".caption", ".asked", ".outcome", ".badge"]
    .flatMap((name) => [...document.querySelectorAll(name)])
    .map((element) => light(getComputedStyle(element).color))
    .map((word) => (Math.max(word, card) + 0.05) / (Math.min(word, card) + 0.05));
  return Math.min(...ratios);
}"""
