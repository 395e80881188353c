"""A small report's content, and a page taken apart."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np

from evaluation.evaluation import ConstraintRate, Evaluation
from evaluation.report import Counts, PromiseLines, ReportContent
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
            left=3.1,
            mechanisms=("DP-SGD",),
        ),
        train=Counts(rows=70_123, units=50_012),
        holdout=Counts(rows=15_120, units=10_723),
        synthetic=Counts(rows=70_220, units=50_000),
        training={"encounters": {"loss": tuple((step, 1 / (1 + step)) for step in range(5_000))}},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]
