"""The report as people meet it: on a desk, on a phone, on paper, in the dark, by keyboard and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from evaluation.report import render
from evaluation.report.meanings import meaning_of
from tests.evaluation.report.conftest import DESK, PHONE, Opened, opening
from tests.evaluation.report.contents import Decision, content, evaluation
from tests.evaluation.report.looks import CONTRASTS, OVERFLOWING, UNNAMED

REASON = "pair agreement is 0.9000, at least 0.9500 is allowed"


@pytest.fixture(scope="module")
def html() -> str:
    return render(content())


@pytest.fixture(scope="module")
def desk(browser, html, tmp_path_factory) -> Iterator[Opened]:
    """The report on a desk with all figures drawn; tests that use it leave it as it is."""
    with opening(browser, tmp_path_factory.mktemp("desk")) as open_it:
        opened = open_it(html)
        opened.draw_all()
        yield opened


def test_nothing_is_asked_for_and_nothing_complained_of(desk):
    assert desk.complaints == []
    assert [url for url in desk.requests if not url.startswith(("file:", "data:"))] == []


def test_the_judge_of_complaints_hears_them(open_page):
    opened = open_page("<!DOCTYPE html><script>console.error('spoken'); missing()</script>")
    assert len(opened.complaints) == 2


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_verdict_and_its_reasons_stand_on_the_first_screen(open_page, size):
    opened = open_page(render(content(verdict=Decision(False, (REASON,)))), size)
    for text in ("Refused: the release does not go out", REASON):
        box = opened.page.get_by_text(text).bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1]


def test_each_judged_score_tells_its_meaning_after_one_click(open_page, html):
    opened = open_page(html)
    checks = opened.page.locator("#verdict .checks summary")
    assert checks.count() == 1
    explanation = opened.page.locator("#verdict").get_by_text(meaning_of("pair agreement").explanation)
    assert not explanation.is_visible()
    checks.first.click()
    assert explanation.is_visible()


def test_meanings_are_reached_by_keyboard_alone(open_page, html):
    opened = open_page(html)
    opened.page.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("#verdict").get_by_text(meaning_of("pair agreement").explanation).is_visible()


def test_every_score_tells_its_meaning_after_one_click_where_its_figures_are(open_page, html):
    opened = open_page(html)
    summaries = opened.page.locator("article .meaning > summary")
    assert summaries.count() == opened.page.locator("article").count() == 12
    for place in range(12):
        explanation = opened.page.locator("article .meaning > p").nth(place)
        assert not explanation.is_visible()
        summaries.nth(place).click()
        assert explanation.is_visible()


def test_hovering_tells_the_numbers(desk):
    plot = desk.page.locator("#fidelity .plot").first
    plot.locator(".bars .point").nth(1).hover(force=True)
    plot.locator(".hoverlayer .hovertext").first.wait_for()
    assert "real: 75.00%" in plot.locator(".hoverlayer").text_content()


def test_a_column_is_chosen_by_picture_by_name_and_by_step(open_page, html):
    opened = open_page(html)
    picker = opened.page.locator("#fidelity select")
    pictures = opened.page.locator(".multiples button")
    pictures.nth(2).click()
    assert picker.input_value() == "2"
    assert pictures.nth(2).get_attribute("aria-pressed") == "true"
    opened.page.get_by_label("next column").click()
    assert picker.input_value() == "0"
    picker.select_option("1")
    assert pictures.nth(1).get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("columns", [3, 30])
def test_nothing_is_wider_than_the_screen(open_page, columns):
    odd = "a_name_without_end_" * 12
    opened = open_page(render(content(evaluation=evaluation(columns=columns, odd=odd))), PHONE)
    opened.draw_all()
    for details in opened.page.locator("details").all():
        details.evaluate("details => { details.open = true; }")
    assert opened.evaluate(OVERFLOWING) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_nothing_is_wider_than_a_desk(desk):
    assert desk.evaluate(OVERFLOWING) == []


def test_the_judge_of_width_finds_what_is_too_wide(open_page):
    opened = open_page("<!DOCTYPE html><p style='width: 400px'>wide</p>", PHONE)
    assert opened.evaluate(OVERFLOWING) == ["P wide"]


def test_text_keeps_a_contrast_of_four_and_a_half(desk):
    found = desk.evaluate(CONTRASTS)
    assert len(found) > 100
    assert [text for text, contrast in found if contrast < 4.5] == []


def test_text_keeps_it_in_the_dark(open_page, html):
    opened = open_page(html, dark=True)
    opened.draw_all()
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 24, 39)"
    assert [text for text, contrast in opened.evaluate(CONTRASTS) if contrast < 4.5] == []


def test_the_judge_of_contrast_finds_what_is_too_pale(open_page):
    opened = open_page("<!DOCTYPE html><body style='background: #fff'><p style='color: #aaa'>pale</p>")
    ((text, contrast),) = opened.evaluate(CONTRASTS)
    assert text == "pale"
    assert contrast == pytest.approx(2.32, abs=0.01)


def test_real_and_synthetic_differ_without_colour(desk):
    bars = desk.page.locator("#fidelity .plot").first
    fills = [bars.locator(".trace.bars").nth(side).locator("path").first.get_attribute("style") for side in (0, 1)]
    assert ["url(" in fill for fill in fills] == [False, True]  # the second is hatched
    missing = desk.page.locator("article", has_text="missingness difference").locator(".scatterlayer path.point")
    shapes = [re.sub(r"[^A-Za-z]", "", missing.nth(place).get_attribute("d")) for place in (0, 3)]
    assert shapes[0] != shapes[1]  # dots and diamonds
    curves = desk.page.locator("article", has_text="task: readmission").locator(".scatterlayer path.js-line")
    dashes = {curves.nth(place).evaluate("line => line.style.strokeDasharray") for place in range(curves.count())}
    assert len(dashes) == curves.count() == 2
    assert desk.page.locator(".multiples rect.hatched").first.evaluate("bar => getComputedStyle(bar).fill") == (
        'url("#hatch")'
    )


def test_verdicts_are_told_in_words_beside_their_signs(desk):
    assert desk.page.locator(".passes, .fails, .unjudged").count() > 10
    for text in desk.page.locator(".passes, .fails, .unjudged").all_text_contents():
        assert re.fullmatch(r"[✓✗–] [a-z ]+", text)
    assert desk.page.locator("#verdict .sign").get_attribute("aria-label") == "kept"


def test_headings_descend_by_one_and_all_controls_have_names(desk):
    levels = desk.evaluate("Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert desk.evaluate(UNNAMED) == []
    assert desk.evaluate("document.documentElement.lang") == "en"


def test_each_figure_has_its_numbers_as_a_table_for_who_cannot_see_it(desk):
    assert desk.page.locator("figure").count() == desk.page.locator("figure .numbers").count() > 8
    numbers = desk.page.locator("article", has_text="missingness difference").locator(".numbers")
    numbers.locator("summary").click()
    assert numbers.get_by_role("row", name="c1 10.00 % 20.00 %").is_visible()
    numbers.locator("summary").click()


def test_without_scripts_the_verdict_the_meanings_and_the_tables_are_there(open_page, html):
    opened = open_page(html, scripts=False)
    assert opened.page.get_by_text("Passed: the release may go out").is_visible()
    opened.page.locator("#verdict .checks summary").first.click()
    assert opened.page.locator("#verdict").get_by_text(meaning_of("pair agreement").explanation).is_visible()


def test_paper_shows_all_figures_and_explanations_and_the_screen_is_as_before(open_page, html):
    opened = open_page(html, dark=True)
    paper = opened.page.pdf(format="A4")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert paper.startswith(b"%PDF")
    assert 4 <= pages <= 16
    assert opened.page.locator(".plot .main-svg").count() >= opened.page.locator(".plot").count()
    assert opened.page.locator("details[open]").count() == 0
    assert opened.evaluate("document.body.className") == ""


def test_on_paper_nothing_is_cut_off_and_everything_is_dark_on_white(open_page, html):
    opened = open_page(html, (720, 1000), dark=True)
    opened.page.emulate_media(media="print", color_scheme="dark")
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.evaluate(OVERFLOWING) == []
    assert not opened.page.locator("nav").is_visible()
    assert opened.page.locator("article .meaning > p").last.is_visible()
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    opened.page.locator(".plot .main-svg").nth(0).wait_for()
    assert opened.evaluate("document.querySelector('.plot .main-svg').style.background") == "rgb(255, 255, 255)"
    assert [text for text, contrast in opened.evaluate(CONTRASTS) if contrast < 4.5] == []
