"""The report: one HTML file that needs nothing from outside and may load nothing from there."""

from __future__ import annotations

from typing import Any

from evaluation.report import words
from evaluation.report.content import ReportContent
from evaluation.report.figures import training_curves
from evaluation.report.panels import Panel, panel
from evaluation.report.scores import CHAPTERS
from evaluation.report.shell import Figures, render_page
from evaluation.score import Score


def render(content: ReportContent) -> str:
    """The report as the text of one self-contained HTML file (see :func:`shell.render_page`)."""
    figures = Figures()
    scores = content.evaluation.scores
    places = {id(score): f"score-{number}" for number, score in enumerate(scores)}
    chapters = [
        {
            "id": name,
            "title": title,
            "question": question,
            "panels": [_placed(score, places[id(score)], figures) for score in getattr(content.evaluation, name)],
        }
        for name, title, question in CHAPTERS
    ]
    training = [
        {"figure": figures.add(figure)}
        for table, curves in content.training.items()
        for figure in training_curves(curves, f"Table {table}")
    ]
    judged = [score for score in scores if score.threshold is not None]
    return render_page(
        "report.html.j2",
        figures,
        content=content,
        chapters=chapters,
        training=training,
        checks=[(score, places[id(score)]) for score in (judged if content.verdict is not None else scores)],
        promise=words.promise_in_words(content.promise) if content.promise else [],
    )


def _placed(score: Score, place: str, figures: Figures) -> dict[str, Any]:
    shown = panel(score)
    multiples = [
        {"multiple": multiple, "bars": _small_bars(multiple.labels, multiple.real, multiple.synthetic)}
        for multiple in shown.multiples
    ]
    return {
        "id": place,
        "panel": shown,
        "figures": [figures.add(figure) for figure in shown.figures],
        "multiples": multiples,
        "beside": _fits_beside(shown),
        "short": _fits_beside(shown) or not shown.figures,
    }


def _fits_beside(shown: Panel) -> bool:
    """Whether words and tables leave room for the one small figure at their side."""
    return len(shown.figures) == 1 and shown.figures[0].half


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
