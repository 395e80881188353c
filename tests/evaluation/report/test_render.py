"""The report: verdict first, self-contained, escaped, complete."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest

from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.report import Counts, PromiseLines, ReportContent, render, scores_json
from evaluation.report.meanings import meaning_of
from evaluation.score import Score

HOSTILE = "</script><script>alert(1)</script>"
NAMES = (
    "column agreement",
    "pair agreement",
    "correlation difference",
    "missingness difference",
    "rows per unit agreement",
    "two-sample AUC",
    "task: readmission",
    "every column from the others",
    "exact copies",
    "nearest-neighbour share",
    "membership (density)",
    "membership (distance)",
)


@dataclass(frozen=True)
class Decision:
    passes: bool
    reasons: tuple[str, ...] = ()


class Page(HTMLParser):
    """Elements in order, texts outside scripts and styles, and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            if tag == "script":
                self.scripts.append("")

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.elements if tag == "section"]

    @property
    def figures(self) -> list[dict]:
        (data,) = [script for script in self.scripts if script.startswith("[")]
        return json.loads(data)


def score(name: str, value: float = 0.5, **more: object) -> Score:
    return Score(name=name, value=value, interval=(value - 0.01, value + 0.01), baseline=0.5, **more)  # type: ignore[arg-type]


def evaluation(columns: int = 3, odd: str = HOSTILE) -> Evaluation:
    names = [odd, *(f"c{place}" for place in range(1, columns))]
    square = np.full((columns, columns), 0.9)
    square[0, 0] = math.nan
    roc = {"fpr": [0.0, 0.001, 0.1, 1.0], "tpr": [0.0, 0.002, 0.2, 1.0]}
    halves = {"labels": ["a", odd], "real": [0.25, 0.75], "synthetic": [0.3, 0.7]}
    return Evaluation(
        fidelity=(
            score(
                "column agreement",
                detail={"columns": {name: {"value": 0.95, "kind": "categorical", **halves} for name in names}},
            ),
            score("pair agreement", 0.97, threshold=0.95, detail={"columns": names, "matrix": square}),
            score(
                "correlation difference",
                better="lower",
                detail={"columns": names, "real": square, "synthetic": -square},
            ),
            score(
                "missingness difference", detail={"columns": {name: {"real": 0.1, "synthetic": 0.2} for name in names}}
            ),
            score("rows per unit agreement", detail=halves),
            score("two-sample AUC", detail={"roc": roc, "importance": dict.fromkeys(names, 0.1)}),
        ),
        utility=(
            score(
                "task: readmission",
                detail={
                    "metrics": {"AUC": [0.669, 0.658], "Brier": [0.09, 0.1]},
                    "calibration": {"real": {"predicted": [0.1], "observed": [0.2]}},
                    "classes": ["<30", odd],
                },
            ),
            score(
                "every column from the others",
                detail={
                    "columns": {name: {"real": 0.8, "synthetic": 0.7, "gap": 0.1} for name in names},
                    "skipped": {odd: "constant"},
                },
            ),
        ),
        leakage=(
            score("exact copies", 0.001, detail={"rows": 0.001, "units": 0.0, "holdout_rows": 0.002}),
            score("nearest-neighbour share", detail={"weakness": "it sees copies only"}),
            score("membership (density)", detail={"roc": roc, "tpr_at_1_fpr": [0.02, 0.01, 0.03]}),
            score("membership (distance)", detail={"roc": roc, "tpr_at_1_fpr": [0.0, 0.0, 0.03]}),
        ),
        constraints=(
            ConstraintRate(name=odd, real=0.0, synthetic=0.0),
            ConstraintRate(name="b", real=0.1, synthetic=0.2),
        ),
    )


def content(**changes: object) -> ReportContent:
    whole = ReportContent(
        title="Encounters",
        created=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        evaluation=evaluation(),
        verdict=Decision(True),
        promise=PromiseLines(
            epsilon=3,
            delta=1e-6,
            unit="patient",
            relation="add or remove one",
            spent=3.5,
            cap=6,
            mechanisms=("DP-SGD",),
        ),
        train=Counts(rows=70_123, units=50_012),
        holdout=Counts(rows=15_120, units=10_723),
        synthetic=Counts(rows=70_220, units=50_000),
        training={"encounters": [(step, 1 / (1 + step)) for step in range(5_000)]},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


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
    assert "ε 3.5 spent, 2.5 left" in page.text
    assert "DP-SGD" in page.text


def test_no_promise_is_said_outright():
    text = Page(render(content(promise=None))).text
    assert "No privacy promise" in text
    assert "ε =" not in text


def test_of_data_from_elsewhere_no_promise_is_known():
    text = Page(render(content(promise=None, verdict=None))).text
    assert "No privacy promise is known" in text
    assert "trained without differential privacy" not in text


def test_nothing_is_left_of_a_budget_that_is_used_up():
    promise = PromiseLines(epsilon=300, delta=1e-6, unit="patient", relation="add", spent=7, cap=6)
    text = Page(render(content(promise=promise))).text
    assert "ε 7 spent, 0 left" in text
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
