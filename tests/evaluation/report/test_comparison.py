"""Two releases side by side: verdicts first, and differences only as far as intervals carry them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import plotly.graph_objects as go
import pytest

from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.report import Side, compared, render_comparison
from evaluation.report.comparison import pairs_of
from evaluation.score import Score
from tests.evaluation.report.conftest import DESK, PHONE
from tests.evaluation.report.contents import HOSTILE, NAMES, Page, evaluation, score
from tests.evaluation.report.looks import CONTRASTS, OVERFLOWING, UNNAMED

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def side(name: str = "first", *, settings: dict[str, str] | None = None, **changes: object) -> Side:
    return Side(
        name=name,
        evaluation=replace(evaluation(), **changes),  # type: ignore[arg-type]
        source="clinic",
        settings=settings if settings is not None else {"promise": "none", "engine.default.epochs": "12"},
    )


def page(first: Side, second: Side) -> Page:
    return Page(render_comparison(first, second, created=NOW))


def at(value: float, half: float = 0.01, **more: object) -> Score:
    return Score(name="s", value=value, interval=(value - half, value + half), baseline=0.5, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "change"),
    [
        (at(0.90), at(0.95), "better"),
        (at(0.95), at(0.90), "worse"),
        (at(0.95, better="lower"), at(0.90, better="lower"), "better"),
        (at(0.90, better="lower"), at(0.95, better="lower"), "worse"),
        (at(0.90), at(0.915), "within"),
        (at(0.90), at(0.90), "within"),
        (at(0.90), at(math.nan), "unknown"),
    ],
)
def test_a_score_is_better_or_worse_only_where_intervals_lie_apart(first, second, change):
    (pair,) = pairs_of([first], [second])
    assert pair.change == change


def test_scores_are_paired_by_name_and_a_missing_one_is_no_change():
    pairs = pairs_of([score("a"), score("b")], [score("c"), score("b")])
    assert [pair.name for pair in pairs] == ["a", "b", "c"]
    assert [pair.change for pair in pairs] == ["unknown", "within", "unknown"]
    assert pairs[0].difference is pairs[2].difference is None


def test_verdicts_of_both_come_first_in_words():
    refused = replace(evaluation().fidelity[1], value=0.9, interval=(0.89, 0.91))
    worse = side("second", fidelity=(refused,))
    text = page(side(), worse).text
    assert text.index("A first ✓ Passed") < text.index("B second ✗ Refused") < text.index("Fidelity")
    assert "✗ pair agreement: 0.900, at least 0.950" in text
    assert "0 better and 1 worse in B" in text
    assert "▼ Worse: pair agreement" in text


def test_a_task_that_could_not_be_measured_refuses():
    assert side(unmeasured=("task: x cannot be measured",)).verdict is False


def test_without_thresholds_there_is_no_verdict():
    text = page(side(fidelity=(score("pair agreement"),)), side()).text
    assert "A first – No verdict" in text


def test_equal_releases_differ_in_nothing():
    text = page(side(), side()).text
    assert "No score differs beyond its interval ; 12 within their intervals" in text
    assert "Nothing that the manifests tell" in text
    assert "▲" not in text
    assert "▼" not in text


def test_settings_that_differ_are_listed_and_no_others():
    text = page(side(), side(settings={"promise": "none", "engine.default.epochs": "4", "new": "1"})).text
    assert "engine.default.epochs 12 4" in text
    assert "new – 1" in text
    assert "promise none" not in text


def test_what_has_no_manifest_is_said():
    bare = Side(name="elsewhere", evaluation=evaluation())
    text = page(side(), bare).text
    assert "At least one of the two has no manifest" in text
    assert "! Other records." in text


def test_other_records_are_warned_of():
    assert "A is of source clinic, B of source ward" in page(side(), replace(side(), source="ward")).text
    assert "! Other records." not in page(side(), side()).text


def test_scores_stand_side_by_side_with_their_difference():
    moved = replace(evaluation().fidelity[1], value=0.99, interval=(0.985, 0.995))
    text = page(side(), side(fidelity=(moved,))).text
    assert "0.970 0.960 to 0.980 0.990 0.985 to 0.995 +0.020" in text
    assert "▲ better in B" in text


def test_figures_are_ones_that_plotly_accepts_and_each_has_its_numbers():
    shown = page(side(), side())
    assert len(shown.figures) == 8  # by column 4, matrix 1, curves 3
    for figure in shown.figures:
        go.Figure(data=figure["data"], layout=figure["layout"])
    assert len([a for t, a in shown.elements if t == "details" and a.get("class") == "numbers"]) == 8


def test_columns_that_changed_most_come_first_and_at_most_25_are_shown():
    columns = {
        f"c{place:02d}": {"value": 0.9, "labels": ["a"], "real": [1.0], "synthetic": [1.0]} for place in range(40)
    }
    moved = {**columns, "c33": {**columns["c33"], "value": 0.5}}
    first, second = (
        Side(
            name="x",
            evaluation=Evaluation(
                fidelity=(score("column agreement", detail={"columns": given}),), utility=(), leakage=()
            ),
        )
        for given in (columns, moved)
    )
    (figure,) = page(first, second).figures
    assert figure["data"][1]["customdata"][0] == "c33"
    assert len(figure["data"][1]["x"]) == 25


def test_names_of_the_user_are_text_and_never_markup():
    shown = page(side(HOSTILE, settings={HOSTILE: HOSTILE}), side(settings={HOSTILE: "x"}))
    assert len([tag for tag, _ in shown.elements if tag == "script"]) == 3


def test_constraints_stand_side_by_side():
    rate = ConstraintRate(name="rule", real=0.0, synthetic=0.25)
    text = page(side(constraints=(rate,)), side(constraints=(replace(rate, synthetic=0.5),))).text
    assert "rule 25.00 % 50.00 %" in text


def test_as_json_it_has_every_score_and_no_nan():
    broken = replace(score("new"), value=math.nan)
    result = compared(side(), side(leakage=(broken,)))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {entry["name"] for entry in result["scores"]} == {*NAMES, "new"}
    assert result["releases"][0] == {"name": "first", "passed": True, "source": "clinic"}


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_in_chromium_it_fits_is_legible_and_complains_of_nothing(open_page, size):
    refused = replace(evaluation().fidelity[1], value=0.9, interval=(0.89, 0.91))
    fidelity = (*evaluation().fidelity[:1], refused, *evaluation().fidelity[2:])
    settings = {"promise": "ε = 3", "engine.default.a_setting_with_a_name_without_an_end": "x" * 80}
    second = side("second-" * 12, fidelity=fidelity, settings=settings)
    opened = open_page(render_comparison(side(), second, created=NOW), size)
    for said in ("✓ Passed", "✗ Refused"):
        box = opened.page.get_by_text(said).bounding_box()
        assert box["y"] + box["height"] <= size[1]
    opened.draw_all()
    assert opened.evaluate(OVERFLOWING) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert [text for text, contrast in opened.evaluate(CONTRASTS) if contrast < 4.5] == []
    assert opened.evaluate(UNNAMED) == []
    assert opened.complaints == []
    opened.page.locator("tbody summary").first.click()
    assert opened.page.locator("tbody details").first.get_by_text("For each column").is_visible()
