"""Panels: what the report shows of each score, from what the score's ``detail`` holds. What is absent is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluation.report.figures import (
    Figure,
    bars_across,
    calibration,
    dumbbells,
    heat_map,
    roc,
    share_numbers,
    shares,
)
from evaluation.report.grid import Grid
from evaluation.report.values import plain_values
from evaluation.report.words import NO_BREAK, difference, interval_text, number, percent
from evaluation.score import Score

_MOST_IMPORTANT = 12
_GIVEN_AWAY = "Columns by which synthetic rows give themselves away"


@dataclass(frozen=True, kw_only=True)
class Multiple:
    """One small picture: shares of one column, and which choice of the large figure it belongs to."""

    name: str
    value: str
    labels: Sequence[str]
    real: Sequence[float]
    synthetic: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One score with all that belongs to it."""

    score: Score
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    notes: Sequence[str] = ()
    multiples: Sequence[Multiple] = ()


def panel(score: Score) -> Panel:
    """The panel of a score; one that is unknown has its numbers, and what its detail has in common with others."""
    score = replace(score, detail=plain_values(score.detail))
    build = next((build for start, build in _BUILDERS.items() if score.name.startswith(start)), _by_column)
    shown = build(score)
    important = importance_of(score.detail)
    if not important:
        return shown
    caption = _GIVEN_AWAY if score.name == "two-sample AUC" else "Columns that matter most to this score"
    names = sorted(important, key=lambda name: -important[name])[:_MOST_IMPORTANT]
    figure = bars_across(names, [important[name] for name in names], caption=caption, title="importance")
    return replace(shown, figures=[*shown.figures, figure])


def importance_of(detail: Mapping[str, Any]) -> dict[str, float]:
    """Importance by column, from a mapping or a list of pairs; what is no number is left out."""
    given = detail.get("importance") or {}
    pairs = given.items() if isinstance(given, Mapping) else given
    return {str(name): float(value) for name, value in pairs if value is not None}


def _by_column(score: Score) -> Panel:
    """A number a column, where the detail has just that."""
    columns = score.detail.get("columns")
    if not isinstance(columns, Mapping):
        return Panel(score=score)
    values = {name: value for name, value in columns.items() if isinstance(value, int | float)}
    if not values:
        return Panel(score=score)
    ordered = sorted(values, key=lambda name: values[name])
    figure = bars_across(ordered, [values[name] for name in ordered], caption="Score of each column", title="score")
    return Panel(score=score, figures=[figure])


def _column_agreement(score: Score) -> Panel:
    """Small pictures of all columns, the worst first, and one large picture with a picker."""
    columns: Mapping[str, Any] = score.detail.get("columns", {})
    ordered = sorted(columns.items(), key=lambda item: 1.0 if item[1].get("value") is None else item[1]["value"])
    choices, multiples, numbers = [], [], []
    for name, column in ordered:
        if not column.get("labels"):
            continue
        value = number(column.get("value"))
        real, synthetic = ([share or 0.0 for share in column[side]] for side in ("real", "synthetic"))
        data, drawn = shares(column["labels"], real, synthetic)
        choices.append((f"{name} · {value}", data, drawn))
        numbers.append(share_numbers(column["labels"], real, synthetic, f"{name} · {value}"))
        multiples.append(
            Multiple(
                name=name,
                value=value,
                labels=[str(label) for label in column["labels"]],
                real=real,
                synthetic=synthetic,
            )
        )
    if not choices:
        return Panel(score=score)
    figure = Figure(
        caption="Shares of rows, real beside synthetic; the columns that agree least come first",
        choices=choices,
        numbers=numbers,
    )
    return Panel(score=score, figures=[figure], multiples=multiples)


def _pair_agreement(score: Score) -> Panel:
    columns, matrix = score.detail.get("columns"), score.detail.get("matrix")
    if not columns or not matrix:
        return Panel(score=score)
    pairs = sorted(
        (matrix[i][j], columns[i], columns[j])
        for i in range(len(columns))
        for j in range(i)
        if matrix[i][j] is not None
    )
    low = min([0.9, *(value for value, _, _ in pairs)])
    worst = Grid(
        caption="The pairs that agree least",
        head=("columns", "agreement"),
        rows=[(f"{first} × {second}", number(value)) for value, first, second in pairs[:8]],
    )
    figure = heat_map(columns, matrix, "Agreement of each pair of columns: light is good, dark is not", low=low)
    return Panel(score=score, figures=[figure], grids=[worst])


def _correlation(score: Score) -> Panel:
    columns = score.detail.get("columns")
    if not columns:
        return Panel(score=score)
    both = [score.detail[key] for key in ("real", "synthetic") if key in score.detail]
    negative = any(value is not None and value < 0 for matrix in both for row in matrix for value in row)
    figures = [
        heat_map(
            columns,
            score.detail[key],
            f"Strength of association in the {key} data",
            low=-1.0 if negative else 0.0,
            half=True,
        )
        for key in ("real", "synthetic")
        if key in score.detail
    ]
    return Panel(score=score, figures=figures, notes=["The two pictures should look alike."] if len(both) == 2 else ())


def _missingness(score: Score) -> Panel:
    columns: Mapping[str, Any] = _measured(score.detail.get("columns", {}))
    some = {name: rates for name, rates in columns.items() if rates["real"] or rates["synthetic"]}
    if not some:
        return Panel(score=score, notes=["No column has missing values."] if columns else ())
    ordered = sorted(some, key=lambda name: -abs(some[name]["real"] - some[name]["synthetic"]))
    figure = dumbbells(
        ordered,
        [some[name]["real"] for name in ordered],
        [some[name]["synthetic"] for name in ordered],
        caption="Share of missing values of each column; the largest differences come first",
        title="missing",
        form=".1%",
    )
    complete = len(columns) - len(some)
    note = [f"{complete} further columns have no missing values in either."] if complete else ()
    return Panel(score=score, figures=[figure], notes=note)


def _measured(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that have a number on both sides."""
    return {
        name: both
        for name, both in columns.items()
        if both.get("real") is not None and both.get("synthetic") is not None
    }


def _rows_per_unit(score: Score) -> Panel:
    detail = score.detail
    if not detail.get("labels"):
        return Panel(score=score)
    data, drawn = shares(detail["labels"], detail["real"], detail["synthetic"])
    drawn = {**drawn, "yaxis": {**drawn["yaxis"], "title": {"text": "share of units", "standoff": 8}}}
    drawn["xaxis"] = {**drawn["xaxis"], "title": {"text": "rows of a unit", "standoff": 8}}
    numbers = [share_numbers(detail["labels"], detail["real"], detail["synthetic"])]
    caption = "Share of units by their number of rows"
    return Panel(score=score, figures=[Figure(caption=caption, data=data, layout=drawn, numbers=numbers)])


def _two_sample(score: Score) -> Panel:
    figures = []
    if "roc" in score.detail:
        figures.append(roc(score.detail["roc"], caption="Telling synthetic from real rows", logarithmic=False))
    return Panel(score=score, figures=figures)


def _next_item(score: Score) -> Panel:
    """Hit rates of the recommenders, beside what popularity alone would hit."""
    detail = score.detail
    rows = [
        (name, number(rate["value"]), interval_text(rate["interval"])) for name, rate in detail["hit_rates"].items()
    ]
    grid = Grid(
        head=("recommender, tested on unseen real histories", f"hit rate at {detail['at']}", "interval"), rows=rows
    )
    note = (
        f"A hit is a next item among the {detail['at']} that are recommended, of {detail['items']:,} in all; "
        f"{detail['steps']:,} next items were tested. What the real-trained recommender hits beyond popularity is "
        "what the order of events is worth."
    )
    return Panel(score=score, grids=[grid], notes=[note])


def _task(score: Score) -> Panel:
    if "hit_rates" in score.detail:
        return _next_item(score)
    metrics: Mapping[str, Sequence[float]] = score.detail.get("metrics", {})
    grids = []
    if metrics:
        rows = [
            (name, number(real), number(synthetic), difference(real, synthetic))
            for name, (real, synthetic) in metrics.items()
        ]
        grids.append(
            Grid(head=("tested on unseen real rows", "real-trained", "synthetic-trained", "difference"), rows=rows)
        )
    figures = []
    if score.detail.get("calibration"):
        figures.append(
            calibration(score.detail["calibration"], "Predicted against observed frequency, on unseen real rows")
        )
    classes = score.detail.get("classes")
    notes = [f"Classes: {', '.join(map(str, classes[:12]))}{'…' if len(classes) > 12 else ''}"] if classes else ()
    return Panel(score=score, grids=grids, figures=figures, notes=notes)


def _every_column(score: Score) -> Panel:
    columns: Mapping[str, Any] = _measured(score.detail.get("columns", {}))
    ordered = sorted(columns, key=lambda name: columns[name]["synthetic"] - columns[name]["real"])
    figures = []
    if ordered:
        figures.append(
            dumbbells(
                ordered,
                [columns[name]["real"] for name in ordered],
                [columns[name]["synthetic"] for name in ordered],
                caption="AUC of predicting each column from all others, on unseen real rows; largest losses first",
                title="AUC",
                form=".3f",
                series=("real-trained", "synthetic-trained"),
            )
        )
    skipped: Mapping[str, str] = score.detail.get("skipped", {})
    grids = [Grid(caption="Columns left out", head=("column", "reason"), rows=list(skipped.items()))] if skipped else ()
    return Panel(score=score, figures=figures, grids=grids)


def _copies(score: Score) -> Panel:
    named = {
        "rows": "synthetic rows that equal a training row",
        "units": "synthetic units that equal a training unit in all their rows",
        "holdout_rows": "unseen real rows that equal a training row (chance)",
    }
    rows = [(words, percent(score.detail[key])) for key, words in named.items() if key in score.detail]
    return Panel(score=score, grids=[Grid(head=("what", "share"), rows=rows)] if rows else ())


def _nearest(score: Score) -> Panel:
    weakness = score.detail.get("weakness")
    return Panel(score=score, notes=[f"Known weakness: {weakness}"] if weakness else ())


def _clearest(score: Score) -> Panel:
    rows, ratio = score.detail["rows"], score.detail["ratio"]
    note = f"The clearest {rows:,} rows: the one side is at most {percent(ratio)} as far away as the other."
    return Panel(score=score, notes=[note])


def _membership(score: Score) -> Panel:
    detail = score.detail
    point = detail.get("tpr_at_1_fpr")
    figures, notes = [], []
    if "roc" in detail:
        caption = "The attack's ROC curve on logarithmic axes: above the dotted line is better than guessing"
        figures.append(roc(detail["roc"], caption=caption, logarithmic=True, point=point))
    if point is not None:
        notes.append(
            f"At 1{NO_BREAK}% false alarms the attack finds {percent(point[0])} of the members "
            f"(95{NO_BREAK}% interval {percent(point[1])} to {percent(point[2])}); guessing finds 1{NO_BREAK}%."
        )
    if detail.get("weakness"):
        notes.append(f"Known weakness: {detail['weakness']}")
    return Panel(score=score, figures=figures, notes=notes)


def _risk(score: Score) -> Panel:
    """One of the risks that regulators name: how each attack fared on targets, on controls and without the data."""
    attacks: Mapping[str, Any] = score.detail.get("attacks", {})
    if not attacks:
        return Panel(score=score)
    rows = [
        (
            name,
            *(percent(attack.get(key)) for key in ("rate", "control", "naive")),
            number(attack.get("risk")),
            interval_text(attack.get("interval") or (None, None)),
        )
        for name, attack in attacks.items()
    ]
    head = ("attack", "on training units", "on unseen units", "without the synthetic rows", "risk", "interval")
    known = {
        name: attack
        for name, attack in attacks.items()
        if attack.get("rate") is not None and attack.get("control") is not None
    }
    figure = dumbbells(
        list(known),
        [attack["control"] for attack in known.values()],
        [attack["rate"] for attack in known.values()],
        caption="How often each attack succeeds: what it finds in training units beyond unseen ones is the risk",
        title="units found",
        form=".1%",
        series=("unseen units (control)", "training units"),
    )
    best = score.detail.get("attack")
    notes = [f"The score is that of the attack that proves most: {best}."] if best and len(attacks) > 1 else ()
    return Panel(score=score, figures=[figure], grids=[Grid(head=head, rows=rows)], notes=notes)


_BUILDERS: dict[str, Callable[[Score], Panel]] = {
    "singling out": _risk,
    "linkability": _risk,
    "inference": _risk,
    "column agreement": _column_agreement,
    "pair agreement": _pair_agreement,
    "correlation difference": _correlation,
    "missingness difference": _missingness,
    "rows per unit agreement": _rows_per_unit,
    "two-sample AUC": _two_sample,
    "task: ": _task,
    "every column from the others": _every_column,
    "exact copies": _copies,
    "nearest-neighbour share": _nearest,
    "clearest neighbours share": _clearest,
    "membership": _membership,
}
