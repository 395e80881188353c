"""Figures of what changed from one release to the next, from what the details of a score hold on both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from evaluation.report.figures import Figure, dumbbells, heat_map, roc_of_two
from evaluation.report.panels import importance_of
from evaluation.report.values import plain_values
from evaluation.score import Score

SIDES = ("A", "B")
_MOST = 25


class Both(Protocol):
    """A score of both sides."""

    @property
    def name(self) -> str: ...

    @property
    def first(self) -> Score | None: ...

    @property
    def second(self) -> Score | None: ...


def changes_by_column(pair: Both) -> list[Figure]:
    """The figures of one score; none where a side is missing or its detail has nothing to compare."""
    if pair.first is None or pair.second is None:
        return []
    first, second = (plain_values(score.detail) for score in (pair.first, pair.second))
    figures = []
    for start, title, caption, values in _READINGS:
        if pair.name.startswith(start):
            figures += _by_column(values(first), values(second), caption=caption, title=title)
            break
    if pair.name == "pair agreement":
        figures += _matrices(first, second)
    if "roc" in first and "roc" in second:
        caption = "The ROC curves of both: nearer to the dotted line of guessing is better"
        figures.append(roc_of_two(first["roc"], second["roc"], caption=caption, names=SIDES))
    return figures


def _by_column(first: Mapping[str, float], second: Mapping[str, float], *, caption: str, title: str) -> list[Figure]:
    shared = [name for name in first if name in second]
    if not shared:
        return []
    ordered = sorted(shared, key=lambda name: -abs(second[name] - first[name]))
    shown = ordered[:_MOST]
    more = f", the {_MOST} of {len(shared)} that changed most" if len(shared) > _MOST else ""
    return [
        dumbbells(
            shown,
            [first[name] for name in shown],
            [second[name] for name in shown],
            caption=f"{caption}{more}; the largest changes come first",
            title=title,
            form=".3f",
            series=SIDES,
        )
    ]


def _matrices(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Figure]:
    """Agreement of pairs in B less that in A, where both have the same columns."""
    columns = first.get("columns")
    if not columns or columns != second.get("columns"):
        return []
    change = [
        [None if left is None or right is None else right - left for left, right in zip(*rows, strict=True)]
        for rows in zip(first["matrix"], second["matrix"], strict=True)
    ]
    largest = max((abs(value) for row in change for value in row if value is not None), default=0.0)
    caption = "Agreement of each pair of columns, B less A: light is better in B, dark is worse"
    return [heat_map(columns, change, caption, low=-max(largest, 0.001), high=max(largest, 0.001))]


def _numbers(detail: Mapping[str, Any], read: Callable[[Mapping[str, Any]], float | None]) -> dict[str, float]:
    columns = detail.get("columns")
    if not isinstance(columns, Mapping):
        return {}
    values = {name: read(column) for name, column in columns.items() if isinstance(column, Mapping)}
    return {name: value for name, value in values.items() if value is not None}


def _agreement(detail: Mapping[str, Any]) -> dict[str, float]:
    return _numbers(detail, lambda column: column.get("value"))


def _gap(detail: Mapping[str, Any]) -> dict[str, float]:
    return _numbers(detail, lambda column: _difference(column.get("real"), column.get("synthetic")))


def _distance(detail: Mapping[str, Any]) -> dict[str, float]:
    return {name: abs(value) for name, value in _gap(detail).items()}


def _difference(real: float | None, synthetic: float | None) -> float | None:
    return None if real is None or synthetic is None else real - synthetic


_READINGS: tuple[tuple[str, str, str, Callable[[Mapping[str, Any]], dict[str, float]]], ...] = (
    ("column agreement", "agreement", "Agreement of each column", _agreement),
    ("missingness difference", "difference", "How far the share of missing values is off", _distance),
    ("every column from the others", "AUC lost", "AUC lost by training on synthetic rows", _gap),
    ("two-sample AUC", "importance", "Columns by which synthetic rows give themselves away", importance_of),
)
