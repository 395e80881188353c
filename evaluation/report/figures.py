"""Figures as plain values that plotly.js draws: real is blue, dark and solid, synthetic orange, light and hatched.

No figure needs its colours: sides differ in pattern, marker or dash as well, and each figure has its numbers as tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluation.report.grid import Grid, matrix, points
from evaluation.report.words import number, percent
from shared.training.curves import Curve, verdict

REAL, SYNTHETIC, QUIET = "#0072B2", "#E69F00", "#6b7280"
_SYNTHETIC_LINE = "#9a6700"  # a thin line needs more contrast than an area
_INK, _GRID, _EDGE = "#1f2937", "#e5e7eb", "#9ca3af"
_SCALE = "Cividis"  # its lightness rises evenly, so that it can be read in greyscale
_LABEL = 28


@dataclass(frozen=True, kw_only=True)
class Figure:
    """``data`` and ``layout`` for plotly.js; ``caption`` says in words what there is to see.

    ``choices`` holds other data and layouts for the same place by label, for a picker; ``height`` is in pixels.
    ``numbers`` are the figure's numbers as tables, for who cannot see it.
    """

    caption: str
    data: Sequence[Mapping[str, Any]] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    choices: Sequence[tuple[str, Sequence[Mapping[str, Any]], Mapping[str, Any]]] = ()
    numbers: Sequence[Grid] = ()
    height: int = 320
    half: bool = False


def plain(text: object, limit: int | None = _LABEL) -> str:
    """A text of the user's, shortened and without markup: plotly reads a little HTML in labels."""
    label = str(text)
    if limit is not None and len(label) > limit:
        label = label[: limit - 1] + "…"
    return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def layout(height: int, **more: Any) -> dict[str, Any]:
    """What all figures share."""
    return {
        "height": height,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "dragmode": False,
        "hoverlabel": {"font": {"size": 13}},
        "legend": {"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom"},
        **more,
    }


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis with a title in words."""
    return {
        "title": {"text": title, "standoff": 8},
        "automargin": True,
        "gridcolor": _GRID,
        "linecolor": _EDGE,
        "zeroline": False,
        "fixedrange": True,
        **more,
    }


def named_axis(labels: Sequence[object], title: str = "", limit: int = _LABEL, **more: Any) -> dict[str, Any]:
    """An axis of names at the positions 0, 1, …; shortened names may be equal without falling together."""
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": [plain(label, limit) for label in labels],
    }
    return axis(title, **ticks, **more)


def shares(labels: Sequence[object], real: Sequence[float], synthetic: Sequence[float]) -> tuple[list[Any], Any]:
    """Bars of shares, real beside synthetic: data and layout."""
    bars = []
    for name, values, colour, hatch in (("real", real, REAL, ""), ("synthetic", synthetic, SYNTHETIC, "/")):
        bars.append(
            {
                "type": "bar",
                "name": name,
                "x": list(range(len(labels))),
                "y": list(values),
                "customdata": [plain(label, None) for label in labels],
                "marker": {
                    "color": colour,
                    "line": {"color": _INK, "width": 0.5},
                    "pattern": {
                        "shape": hatch,
                        "fillmode": "overlay",
                        "fgcolor": "#5b3e00",
                        "size": 7,
                        "solidity": 0.2,
                    },
                },
                "hovertemplate": f"%{{customdata}}<br>{name}: %{{y:.2%}}<extra></extra>",
            }
        )
    drawn = layout(
        320,
        barmode="group",
        bargap=0.25,
        xaxis=named_axis(labels, tickangle=-35 if max(map(len, map(str, labels)), default=0) > 6 else 0),
        yaxis=axis("share of rows", tickformat=".0%", rangemode="tozero"),
    )
    return bars, drawn


def share_numbers(
    labels: Sequence[object], real: Sequence[float], synthetic: Sequence[float], caption: str = ""
) -> Grid:
    """The numbers of :func:`shares`."""
    rows = [
        (str(label), percent(left), percent(right)) for label, left, right in zip(labels, real, synthetic, strict=True)
    ]
    return Grid(caption=caption, head=("value", "real", "synthetic"), rows=rows)


def heat_map(columns: Sequence[object], values: Sequence[Sequence[float | None]], caption: str, **more: Any) -> Figure:
    """A square of values by pairs of columns; values stand in the cells while there is room for them."""
    low, high = more.get("low", 0.0), more.get("high", 1.0)
    names = [plain(column, None) for column in columns]
    height = max(330, 13 * len(columns) + 150)
    trace = {
        "type": "heatmap",
        "z": [list(row) for row in values],
        "x": list(range(len(columns))),
        "y": list(range(len(columns))),
        "customdata": [[[row, column] for column in names] for row in names],
        "colorscale": _SCALE,
        "zmin": low,
        "zmax": high,
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}<br>%{z:.3f}<extra></extra>",
        "hoverongaps": False,
        "colorbar": {"thickness": 12, "len": 1, "outlinewidth": 0},
        "xgap": 1 if len(columns) <= 20 else 0,
        "ygap": 1 if len(columns) <= 20 else 0,
    }
    if len(columns) <= 10 and not more.get("half", False):
        trace["texttemplate"] = "%{z:.2f}"
    small: dict[str, Any] = {"tickfont": {"size": 10 if len(columns) > 12 else 12}, "showgrid": False}
    drawn = layout(
        height,
        xaxis=named_axis(columns, limit=18, tickangle=-90, **small),
        yaxis=named_axis(columns, limit=18, autorange="reversed", **small),
        meta={"square": True},
    )
    return Figure(
        caption=caption,
        data=[trace],
        layout=drawn,
        height=height,
        half=more.get("half", False),
        numbers=[matrix(columns, values)],
    )


def dumbbells(
    names: Sequence[object],
    real: Sequence[float],
    synthetic: Sequence[float],
    *,
    caption: str,
    title: str,
    form: str,
    series: tuple[str, str] = ("real", "synthetic"),
) -> Figure:
    """A line a column from its real value (dot) to its synthetic one (diamond), the first on top."""
    places = list(range(len(names)))
    joined_x: list[float | None] = []
    joined_y: list[float | None] = []
    for place, left, right in zip(places, real, synthetic, strict=True):
        joined_x += [left, right, None]
        joined_y += [place, place, None]
    line = {"type": "scatter", "mode": "lines", "x": joined_x, "y": joined_y, "hoverinfo": "skip", "showlegend": False}
    line["line"] = {"color": _EDGE, "width": 2}
    data: list[Any] = [line]
    for name, values, colour, symbol in (
        (series[0], real, REAL, "circle"),
        (series[1], synthetic, SYNTHETIC, "diamond"),
    ):
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": list(values),
                "y": places,
                "customdata": [plain(label, None) for label in names],
                "marker": {"color": colour, "symbol": symbol, "size": 10, "line": {"color": _INK, "width": 1}},
                "hovertemplate": f"%{{customdata}}<br>{name}: %{{x:{form}}}<extra></extra>",
            }
        )
    height = 24 * len(names) + 110
    drawn = layout(
        height,
        xaxis=axis(title, tickformat=form if "%" in form else None),
        yaxis=named_axis(names, range=[len(names) - 0.4, -0.6]),
    )
    said = percent if "%" in form else number
    rows = [(str(name), said(left), said(right)) for name, left, right in zip(names, real, synthetic, strict=True)]
    table = Grid(head=("", *series), rows=rows)
    return Figure(caption=caption, data=data, layout=drawn, height=height, numbers=[table])


def bars_across(names: Sequence[object], values: Sequence[float], *, caption: str, title: str) -> Figure:
    """One bar a name, the first on top."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": list(range(len(names))),
        "customdata": [plain(name, None) for name in names],
        "marker": {"color": QUIET},
        "hovertemplate": "%{customdata}: %{x:.3f}<extra></extra>",
    }
    height = 24 * len(names) + 90
    drawn = layout(height, xaxis=axis(title), yaxis=named_axis(names, range=[len(names) - 0.4, -0.6]))
    table = Grid(head=("", title), rows=[(str(name), number(value)) for name, value in zip(names, values, strict=True)])
    return Figure(caption=caption, data=[trace], layout=drawn, height=height, half=True, numbers=[table])


def roc(
    curve: Mapping[str, Sequence[float]], *, caption: str, logarithmic: bool, point: Sequence[float] | None = None
) -> Figure:
    """A ROC curve beside the diagonal of guessing; ``point`` is the true positive rate at 1 % with its interval."""
    pairs = [(x, y) for x, y in zip(curve["fpr"], curve["tpr"], strict=True) if not logarithmic or (x > 0 and y > 0)]
    kept = _thinned(pairs)
    least = 1e-4 if logarithmic else 0.0
    data: list[Any] = [
        _line("guessing", [least, 1.0], [least, 1.0], QUIET, "dot"),
        _line("attack" if logarithmic else "classifier", [x for x, _ in kept], [y for _, y in kept], REAL, "solid"),
    ]
    if point is not None:
        value, low, high = (max(float(number), least) for number in point[:3])
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "at 1 % false alarms",
                "x": [0.01],
                "y": [value],
                "error_y": {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]},
                "marker": {
                    "color": SYNTHETIC,
                    "symbol": "diamond",
                    "size": 12,
                    "line": {"color": _INK, "width": 1},
                },
                "hovertemplate": "at 1 % false alarms %{y:.2%} of the members are found<extra></extra>",
            }
        )
    ends = [-4, 0.05] if logarithmic else [-0.01, 1.01]
    shared: dict[str, Any] = {"type": "log" if logarithmic else "linear", "range": ends, "tickformat": "~%"}
    if logarithmic:
        shared["dtick"] = 1
    drawn = layout(
        360,
        xaxis=axis("false positive rate", **shared),
        yaxis=axis("true positive rate", **shared),
    )
    table = points(pairs, ("false positive rate", "true positive rate"))
    return Figure(caption=caption, data=data, layout=drawn, height=360, half=True, numbers=[table])


def roc_of_two(
    first: Mapping[str, Sequence[float]],
    second: Mapping[str, Sequence[float]],
    *,
    caption: str,
    names: tuple[str, str],
) -> Figure:
    """Two ROC curves beside the diagonal of guessing."""
    data, tables = [_line("guessing", [0.0, 1.0], [0.0, 1.0], QUIET, "dot")], []
    for curve, name, colour, dash in ((first, names[0], REAL, "solid"), (second, names[1], _SYNTHETIC_LINE, "dash")):
        pairs = list(zip(curve["fpr"], curve["tpr"], strict=True))
        kept = _thinned(pairs)
        data.append(_line(name, [x for x, _ in kept], [y for _, y in kept], colour, dash))
        tables.append(points(pairs, ("false positive rate", "true positive rate"), name))
    shared: dict[str, Any] = {"range": [-0.01, 1.01], "tickformat": ".0%"}
    drawn = layout(360, xaxis=axis("false positive rate", **shared), yaxis=axis("true positive rate", **shared))
    return Figure(caption=caption, data=data, layout=drawn, height=360, half=True, numbers=tables)


def calibration(curves: Mapping[str, Mapping[str, Sequence[float]]], caption: str) -> Figure:
    """Observed against predicted frequency, for the real-trained and the synthetic-trained model."""
    data, tables = [_line("perfect", [0.0, 1.0], [0.0, 1.0], QUIET, "dot")], []
    for key, name, colour, dash in (
        ("real", "real-trained", REAL, "solid"),
        ("synthetic", "synthetic-trained", _SYNTHETIC_LINE, "dash"),
    ):
        if key in curves:
            predicted, observed = list(curves[key]["predicted"]), list(curves[key]["observed"])
            tables.append(points(list(zip(predicted, observed, strict=True)), ("predicted", "observed"), name))
            line = _line(name, predicted, observed, colour, dash)
            symbol = "circle" if key == "real" else "diamond"
            data.append({**line, "mode": "lines+markers", "marker": {"symbol": symbol, "size": 8}})
    drawn = layout(
        360,
        xaxis=axis("predicted frequency", range=[-0.02, 1.02]),
        yaxis=axis("observed frequency", range=[-0.02, 1.02]),
    )
    return Figure(caption=caption, data=data, layout=drawn, height=360, half=True, numbers=tables)


def training_curves(curves: Mapping[str, Curve], caption: str) -> list[Figure]:
    """Losses by step, with what they say of the training, and norms of gradients by step."""
    gradients = {name: curve for name, curve in curves.items() if "gradient" in name}
    losses = {name: curve for name, curve in curves.items() if name not in gradients}
    said = f"{caption}: the loss is {verdict(losses['loss'])}" if "loss" in losses else caption
    drawn = [(losses, said, "loss of a row"), (gradients, f"{caption}: size of the gradient", "norm")]
    return [_by_step(lines, title, unit) for lines, title, unit in drawn if any(lines.values())]


def _by_step(curves: Mapping[str, Curve], caption: str, unit: str) -> Figure:
    lines, numbers = [], []
    for place, (name, curve) in enumerate(curves.items()):
        kept = _thinned(curve)
        colour, dash = (REAL, "solid") if place == 0 else (_SYNTHETIC_LINE, "dash" if place == 1 else "dot")
        lines.append(_line(name, [step for step, _ in kept], [value for _, value in kept], colour, dash))
        numbers.append(points(curve, ("step", unit), name))
    drawn = layout(300, xaxis=axis("step"), yaxis=axis(unit), showlegend=len(curves) > 1)
    return Figure(caption=caption, data=lines, layout=drawn, height=300, half=True, numbers=numbers)


def _thinned(pairs: Sequence[tuple[float, float]], head: int = 200, most: int = 1000) -> list[tuple[float, float]]:
    """The first points, where a curve has its detail, about a thousand of the others, and the last."""
    stride = max(1, math.ceil((len(pairs) - head) / most))
    return [*pairs[:head], *pairs[head:-1:stride], *pairs[max(head, len(pairs) - 1) :]]


def _line(name: str, x: Sequence[float], y: Sequence[float], colour: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": f"{name}<br>%{{x:.4g}}, %{{y:.4g}}<extra></extra>",
    }
