"""The report: verdict first, self-contained, escaped, complete."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re

import plotly.graph_objects as go
import pytest

from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.report import PromiseLines, evaluation_from_json, render, scores_json
from evaluation.report.meanings import meaning_of
from evaluation.score import Score
from shared.errors import DataError
from tests.evaluation.report.contents import HOSTILE, NAMES, Decision, Page, content, evaluation, score


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(content()))


def test_sections_stand_in_the_order_a_steward_reads(page):
    assert page.sections == ["verdict", "promise", "fidelity", "utility", "leakage", "constraints", "training", "gate"]


def test_verdict_is_told_in_words_and_signs_before_anything_else():
    passed, refused = render(content()), render(content(verdict=Decision(False, ("pair agreement is 0.90",))))
    text = Page(passed).text
    assert text.index("✓ Passed") < text.index("Privacy promise")
    text = Page(refused).text
    assert text.index("✗ Refused") < text.index("pair agreement is 0.90") < text.index("Privacy promise")
    assert "Passed" not in text


def test_without_a_gate_there_is_no_verdict():
    assert "No verdict" in Page(render(content(verdict=None))).text


def test_promise_and_budget_are_told_in_plain_words(page):
    assert "ε = 3" in page.text
    assert "at most 95.3 % sure" in page.text
    assert "ε 3.5 spent of the 6 that this source may spend" in page.text
    assert "DP-SGD" in page.text


def test_no_promise_is_said_outright():
    text = Page(render(content(promise=None))).text
    assert "No privacy promise" in text
    assert "ε =" not in text


def test_of_data_from_elsewhere_no_promise_is_known():
    text = Page(render(content(promise=None, verdict=None))).text
    assert "No privacy promise is known" in text
    assert "trained without differential privacy" not in text


def test_what_is_left_is_what_the_ledger_says_and_no_difference(page):
    assert "One more release may have about ε = 3.1 " in page.text
    assert "2.5" not in page.text.split("Privacy promise")[1].split("What was compared")[0]


def test_nothing_is_left_of_a_budget_that_is_used_up():
    promise = PromiseLines(epsilon=300, delta=1e-6, unit="patient", relation="add", spent=7, cap=6, left=0.0)
    text = Page(render(content(promise=promise))).text
    assert "ε 7 spent of the 6" in text
    assert "Nothing is left: no further release" in text
    assert "practically sure" in text


def test_loosened_thresholds_are_told_beside_the_verdict():
    text = Page(render(content(loosened=("copies at most 0.5",)))).text
    assert text.index("copies at most 0.5") < text.index("Privacy promise")


def test_page_needs_nothing_from_outside(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster", "background"):
            value = attributes.get(name) or ""
            assert not re.match(r"(https?:)?//", value), (tag, name, value)
        assert tag not in ("iframe", "object", "embed", "base")
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_policy_allows_the_scripts_of_the_file_and_no_others(page):
    policy = next(a["content"] or "" for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    run = [script for script in page.scripts if not script.startswith("[")]
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in run}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == digests
    assert len(run) == 2
    assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_names_and_values_of_the_user_are_text_and_never_markup(page):
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3
    assert HOSTILE in page.text
    drawn = json.dumps([[figure["data"], figure["layout"], figure["choices"]] for figure in page.figures])
    assert "alert(1)" in drawn
    assert "<script" not in drawn


def test_hostile_title_and_reasons_are_escaped():
    page = Page(render(content(title=HOSTILE, verdict=Decision(False, (HOSTILE,)), loosened=(HOSTILE,))))
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 3


def test_every_score_has_estimate_interval_baseline_and_its_meaning_one_click_away(page):
    for name in NAMES:
        assert name in page.text
        assert meaning_of(name).explanation in page.text
    assert "0.970 95 % interval 0.960 to 0.980" in page.text
    assert "at least 0.950 ✓ passes" in page.text


def test_known_weakness_is_told(page):
    assert "Known weakness: it sees copies only" in page.text


def test_chance_at_one_percent_false_alarms_is_told(page):
    assert "the attack finds 2.00 % of the members (95 % interval 1.00 % to 3.00 %)" in page.text


def test_every_figure_is_one_that_plotly_accepts(page):
    for figure in page.figures:
        for drawn in figure["choices"] or [figure]:
            go.Figure(data=drawn["data"], layout=drawn["layout"])


def test_every_place_has_its_figure(page):
    places = [int(a["data-figure"] or "-1") for _, a in page.elements if "data-figure" in a]
    assert places == list(range(len(page.figures)))


def test_logarithmic_axes_get_no_zeros(page):
    logarithmic = [figure for figure in page.figures if figure["layout"].get("xaxis", {}).get("type") == "log"]
    assert len(logarithmic) == 2
    for figure in logarithmic:
        assert all(value > 0 for trace in figure["data"] for value in trace["x"] + trace["y"])


def test_long_training_curves_are_thinned_and_keep_their_end(page):
    curve = next(trace for figure in page.figures for trace in figure["data"] if trace.get("name") == "loss")
    assert len(curve["x"]) <= 1_201
    assert curve["x"] == sorted(set(curve["x"]))
    assert curve["x"][-1] == 4_999


def test_wide_tables_have_one_picker_and_a_small_picture_a_column():
    page = Page(render(content(evaluation=evaluation(columns=50))))
    options = [attributes for tag, attributes in page.elements if tag == "option"]
    pictures = [attributes for tag, attributes in page.elements if tag == "button" and "data-pick" in attributes]
    assert len(options) == len(pictures) == 50


def test_columns_that_agree_least_come_first():
    halves = {"labels": ["a"], "real": [1.0], "synthetic": [1.0]}
    columns = {name: {"value": value, **halves} for name, value in (("fine", 0.99), ("poor", 0.7), ("fair", 0.9))}
    scores = Evaluation(fidelity=(score("column agreement", detail={"columns": columns}),), utility=(), leakage=())
    text = render(content(evaluation=scores))
    assert text.index("poor · 0.700") < text.index("fair · 0.900") < text.index("fine · 0.990")


@pytest.mark.parametrize("name", [*NAMES, "a score nobody knows"])
def test_what_a_score_does_not_bring_is_left_out(name):
    bare = Evaluation(fidelity=(score(name),), utility=(), leakage=())
    page = Page(render(content(evaluation=bare, training={})))
    assert page.sections == ["verdict", "promise", "fidelity", "gate"]
    assert page.figures == []


def test_missing_numbers_are_dashes_and_gaps():
    bare = Evaluation(
        fidelity=(Score(name="pair agreement", value=math.nan, interval=(math.nan, math.inf), baseline=0.5),),
        utility=(),
        leakage=(),
    )
    page = Page(render(content(evaluation=bare)))
    assert "nan" not in page.text.lower().split()
    assert "– to –" in page.text


def test_constraint_rates_stand_beside_the_real_ones(page):
    assert "10.00 % 20.00 % ✗ more than in reality" in page.text
    assert "0.00 % 0.00 % ✓ always holds" in page.text


def test_equal_content_gives_equal_bytes():
    assert render(content()) == render(content())


def test_scores_as_json_hold_everything_and_no_nan():
    written = scores_json(evaluation())
    text = json.dumps(written, allow_nan=False)
    assert json.loads(text) == written
    pair = written["fidelity"][1]
    assert pair["name"] == "pair agreement"
    assert pair["passes"] is True
    assert pair["detail"]["matrix"][0][0] is None
    assert written["constraints"][1] == {"name": "b", "real": 0.1, "synthetic": 0.2, "description": ""}


def test_scores_are_read_back_as_they_were_written():
    written = scores_json(evaluation())
    assert scores_json(evaluation_from_json(written)) == written


@pytest.mark.parametrize("given", [{}, {"fidelity": [{}]}, {"fidelity": 3}])
def test_what_are_no_scores_is_refused(given):
    with pytest.raises(DataError, match="no scores of an evaluation .*; evaluate again"):
        evaluation_from_json(given)


def test_direction_that_is_none_is_refused():
    written = scores_json(evaluation())
    written["leakage"][0]["better"] = "upwards"
    with pytest.raises(DataError, match="no scores"):
        evaluation_from_json(written)


@pytest.mark.parametrize("importance", [{"age": 0.3, "sex": 0.1}, [("sex", 0.1), ("age", 0.3)]])
def test_importance_is_shown_for_any_score_that_has_it(importance):
    known = Evaluation(fidelity=(score("some score", detail={"importance": importance}),), utility=(), leakage=())
    (figure,) = Page(render(content(evaluation=known, training={}))).figures
    assert figure["data"][0]["customdata"] == ["age", "sex"]
    assert figure["data"][0]["x"] == [0.3, 0.1]


def test_risks_show_targets_beside_controls_and_their_confidence():
    attacks = {"one column": {"risk": 0.1, "interval": [0.05, 0.2], "rate": 0.31, "control": 0.22, "naive": 0.03}}
    risk = score("singling out", detail={"attacks": attacks, "attack": "one column", "confidence": 0.999})
    page = Page(render(content(evaluation=Evaluation(fidelity=(), utility=(), leakage=(risk,)))))
    assert "99.9 % interval" in page.text
    assert "one column 31.00 % 22.00 % 3.00 % 0.100 0.050 to 0.200" in page.text


@pytest.mark.parametrize("name", ["singling out", "linkability", "inference", "inference: income", "SDMetrics quality"])
def test_risks_and_scores_of_others_have_meanings(name):
    assert meaning_of(name).question


def test_figures_have_their_numbers_as_tables(page):
    assert "c1 10.00 % 20.00 %" in page.text  # missing values
    assert "c1 0.800 0.700" in page.text  # every column
    assert "a 25.00 % 30.00 %" in page.text  # rows per unit


def test_a_small_share_is_not_never():
    rate = ConstraintRate(name="rule", real=0.0, synthetic=1e-6)
    scores = Evaluation(fidelity=(), utility=(), leakage=(), constraints=(rate,))
    assert "0.00 % < 0.01 % ✗ more than in reality" in Page(render(content(evaluation=scores))).text
