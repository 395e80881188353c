"""Two releases side by side: what a steward reads before one replaces the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from evaluation.evaluation import Evaluation
from evaluation.report.changes import changes_by_column
from evaluation.report.scores import CHAPTERS
from evaluation.report.shell import Figures, render_page
from evaluation.score import Score

Change = Literal["better", "worse", "within", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two. ``settings`` are lines of its manifest by name, ``None`` if it has no manifest.

    ``source`` is the declared id of the source of its records, if that is known.
    """

    name: str
    evaluation: Evaluation
    source: str | None = None
    settings: Mapping[str, str] | None = None

    @property
    def verdict(self) -> bool | None:
        """Whether all declared thresholds are kept; ``None`` if no gate was asked."""
        judged = [score.passes for score in self.evaluation.scores if score.passes is not None]
        if self.evaluation.unmeasured:
            return False
        return all(judged) if judged else None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One score of both sides; one of them may be missing."""

    name: str
    first: Score | None
    second: Score | None
    table: str = ""

    @property
    def label(self) -> str:
        """The name, with its table where there are several."""
        return f"{self.table}: {self.name}" if self.table else self.name

    @property
    def difference(self) -> float | None:
        """What the second has more than the first."""
        if self.first is None or self.second is None:
            return None
        return self.second.value - self.first.value

    @property
    def change(self) -> Change:
        """Whether the second is better or worse, as far as the intervals lie apart."""
        if self.first is None or self.second is None:
            return "unknown"
        (low, high), (other_low, other_high) = self.first.interval, self.second.interval
        if not all(map(math.isfinite, (low, high, other_low, other_high))):
            return "unknown"
        if low <= other_high and other_low <= high:
            return "within"
        return "better" if (other_low > high) == (self.second.better == "higher") else "worse"


def pairs_of(first: Sequence[Score], second: Sequence[Score]) -> list[Pair]:
    """The scores of one chapter by table and name, in the order of the first side; what only the second has is last."""
    of_first, of_second = ({(score.table, score.name): score for score in scores} for scores in (first, second))
    keys = [*of_first, *(key for key in of_second if key not in of_first)]
    return [
        Pair(name=name, table=table, first=of_first.get((table, name)), second=of_second.get((table, name)))
        for table, name in keys
    ]


def settings_that_differ(first: Side, second: Side) -> list[tuple[str, str, str]]:
    """Settings with another value on the other side, as name and both values; none if one side has no manifest."""
    if first.settings is None or second.settings is None:
        return []
    names = [*first.settings, *(name for name in second.settings if name not in first.settings)]
    both = [(name, first.settings.get(name, "–"), second.settings.get(name, "–")) for name in names]
    return [(name, left, right) for name, left, right in both if left != right]


def compared(first: Side, second: Side) -> dict[str, Any]:
    """The comparison as JSON values."""
    return {
        "releases": [{"name": side.name, "passed": side.verdict, "source": side.source} for side in (first, second)],
        "scores": [
            {
                "name": pair.name,
                "table": pair.table,
                "values": [None if score is None else _finite(score.value) for score in (pair.first, pair.second)],
                "difference": _finite(pair.difference),
                "change": pair.change,
            }
            for chapter, _, _ in CHAPTERS
            for pair in _pairs(first, second, chapter)
        ],
        "settings": {name: [left, right] for name, left, right in settings_that_differ(first, second)},
    }


def render_comparison(first: Side, second: Side, *, created: datetime) -> str:
    """The comparison as the text of one self-contained HTML file (see :func:`shell.render_page`)."""
    figures = Figures()
    chapters, changed = [], []
    for name, title, question in CHAPTERS:
        pairs = _pairs(first, second, name)
        changed += pairs
        drawn = [(pair, [figures.add(figure) for figure in changes_by_column(pair)]) for pair in pairs]
        panels = [{"pair": pair, "figures": some} for pair, some in drawn if some]
        rows = [{"pair": pair, "strip": _strip(pair)} for pair in pairs]
        chapters.append({"id": name, "title": title, "question": question, "rows": rows, "panels": panels})
    return render_page(
        "comparison.html.j2",
        figures,
        first=first,
        second=second,
        created=created,
        chapters=chapters,
        better=[pair.label for pair in changed if pair.change == "better"],
        worse=[pair.label for pair in changed if pair.change == "worse"],
        within=sum(pair.change == "within" for pair in changed),
        constraints=_constraints(first, second),
        settings=settings_that_differ(first, second),
        settings_known=first.settings is not None and second.settings is not None,
        same_source=first.source == second.source,
    )


def _strip(pair: Pair) -> dict[str, Any]:
    """The picture of a pair: both intervals on one scale, in per cent of its width; empty if there is no width."""
    scores = [score for score in (pair.first, pair.second) if score is not None]
    last = scores[-1]
    ends = [end for score in scores for end in (*score.interval, score.value)]
    known = [end for end in (*ends, last.baseline, last.threshold) if end is not None and math.isfinite(end)]
    if not known or min(known) == max(known):
        return {}
    low, width = min(known), max(known) - min(known)

    def place(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else round(5 + 90 * (value - low) / width, 2)

    def mark(score: Score | None) -> dict[str, Any] | None:
        return None if score is None else {"value": place(score.value), "ends": [place(end) for end in score.interval]}

    return {
        "first": mark(pair.first),
        "second": mark(pair.second),
        "baseline": place(last.baseline),
        "threshold": place(last.threshold),
    }


def _pairs(first: Side, second: Side, chapter: str) -> list[Pair]:
    return pairs_of(getattr(first.evaluation, chapter), getattr(second.evaluation, chapter))


def _constraints(first: Side, second: Side) -> list[dict[str, Any]]:
    """Constraints by name with the share of synthetic rows that breaks each."""
    sides = [{rate.name: rate for rate in side.evaluation.constraints} for side in (first, second)]
    rows = []
    for name in [*sides[0], *(name for name in sides[1] if name not in sides[0])]:
        rates = [None if name not in side else side[name].synthetic for side in sides]
        rows.append({"name": name, "first": rates[0], "second": rates[1]})
    return rows


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
