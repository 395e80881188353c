"""The report: one HTML file that needs nothing from outside and may load nothing from there."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from evaluation.evaluation import Evaluation
from evaluation.report import words
from evaluation.report.content import ReportContent
from evaluation.report.figures import Figure, training_curve
from evaluation.report.meanings import meaning_of
from evaluation.report.panels import Panel, panel
from evaluation.report.values import plain_values

_HERE = Path(__file__).parent
_CHAPTERS = (
    ("fidelity", "Fidelity", "Do the synthetic data look like the real ones?"),
    ("utility", "Utility", "Can one work with them?"),
    ("leakage", "Leakage", "Do they give away who was in the training data?"),
)


def render(content: ReportContent) -> str:
    """The report as the text of one self-contained HTML file.

    Every text is escaped, and a content security policy lets nothing run but the scripts that are part of the file
    by their hash, and nothing be loaded at all.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=words.number, percent=words.percent)
    scripts = [_script(get_plotlyjs()), _script((_HERE / "figures.js").read_text(encoding="utf-8"))]
    figures = _Figures()
    chapters = [
        {
            "id": name,
            "title": title,
            "question": question,
            "panels": [_placed(panel(score), figures) for score in getattr(content.evaluation, name)],
        }
        for name, title, question in _CHAPTERS
    ]
    training = [
        {"figure": figures.add(training_curve(points, f"Table {table}"))}
        for table, points in content.training.items()
        if points
    ]
    return environment.get_template("report.html.j2").render(
        content=content,
        chapters=chapters,
        training=training,
        gate=[score for score in content.evaluation.scores if score.threshold is not None],
        promise=words.promise_in_words(content.promise) if content.promise else [],
        words=words,
        meaning_of=meaning_of,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        scripts=[script for script, _ in scripts],
        script_sources=" ".join(f"'sha256-{digest}'" for _, digest in scripts),
        figures=_data_block(figures.drawn),
    )


def scores_json(evaluation: Evaluation) -> dict[str, Any]:
    """All scores and constraint rates as JSON values, for ``internal/scores.json``; what is not a number is null."""
    chapters = {
        name: [
            {
                "name": score.name,
                "value": score.value,
                "interval": list(score.interval),
                "baseline": score.baseline,
                "threshold": score.threshold,
                "better": score.better,
                "gate_on": score.gate_on,
                "passes": score.passes,
                "detail": score.detail,
            }
            for score in getattr(evaluation, name)
        ]
        for name, _, _ in _CHAPTERS
    }
    constraints = [
        {"name": rate.name, "real": rate.real, "synthetic": rate.synthetic, "description": rate.description}
        for rate in evaluation.constraints
    ]
    cleaned = plain_values({**chapters, "constraints": constraints, "unmeasured": list(evaluation.unmeasured)})
    assert isinstance(cleaned, dict)
    return cleaned


class _Figures:
    """Collects what plotly.js draws and numbers the places."""

    def __init__(self) -> None:
        self.drawn: list[Any] = []

    def add(self, figure: Figure) -> dict[str, Any]:
        place = len(self.drawn)
        self.drawn.append(
            {
                "data": figure.data,
                "layout": figure.layout,
                "choices": [{"data": data, "layout": layout} for _, data, layout in figure.choices],
            }
        )
        return {"place": place, "figure": figure, "labels": [label for label, _, _ in figure.choices]}


def _placed(shown: Panel, figures: _Figures) -> dict[str, Any]:
    multiples = [
        {"multiple": multiple, "bars": _small_bars(multiple.labels, multiple.real, multiple.synthetic)}
        for multiple in shown.multiples
    ]
    return {"panel": shown, "figures": [figures.add(figure) for figure in shown.figures], "multiples": multiples}


def _small_bars(labels: Any, real: Any, synthetic: Any) -> list[dict[str, Any]]:
    """Bars of a picture that is 100 wide and 40 high, with what hovering says."""
    tallest = max([*real, *synthetic, 1e-9])
    step = 100 / max(1, len(labels))
    return [
        {
            "x": round(step * (place + 0.1), 2),
            "middle": round(step * (place + 0.5), 2),
            "width": round(step * 0.4, 2),
            "real": round(40 * left / tallest, 2),
            "synthetic": round(40 * right / tallest, 2),
            "title": f"{label}: real {words.percent(left)}, synthetic {words.percent(right)}",
        }
        for place, (label, left, right) in enumerate(zip(labels, real, synthetic, strict=True))
    ]


def _script(code: str) -> tuple[Markup, str]:
    """A script as it stands in the page, and its hash for the content security policy."""
    code = code.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return Markup(code), digest


def _data_block(value: Any) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(plain_values(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
