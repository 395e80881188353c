"""Tables of text: what the report shows beside its figures, and in their place where a figure cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report.words import number

_POINTS = 11


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of text: ``head`` over ``rows``. The first cell of a row names it."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


def points(pairs: Sequence[tuple[float, float]], head: tuple[str, str], caption: str = "") -> Grid:
    """A curve as about a dozen of its points, first and last among them."""
    step = max(1, -(-(len(pairs) - 1) // (_POINTS - 1)))
    kept = [*pairs[:-1:step], *pairs[-1:]]
    return Grid(caption=caption, head=head, rows=[(number(x), number(y)) for x, y in kept])


def matrix(columns: Sequence[object], values: Sequence[Sequence[float | None]]) -> Grid:
    """A square of values by pairs of columns."""
    names = [str(column) for column in columns]
    rows = [[name, *map(number, row)] for name, row in zip(names, values, strict=True)]
    return Grid(head=["", *names], rows=rows)
