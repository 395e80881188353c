"""Statistics with differential privacy by unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from privacy import histograms
from privacy.budget.promise import Mechanisms
from privacy.noise import Noise, whole
from privacy.workload import categories_unknown, missing_declarations
from shared.access.questions import (
    Answer,
    Categories,
    CategoryQuestion,
    Cells,
    NumberQuestion,
    Question,
    RowCountQuestion,
    RowCounts,
)
from shared.corpus.grids import declared_cells
from shared.corpus.schema import NUMERIC, Column
from shared.corpus.units import Units
from shared.errors import BudgetRefused, DataError, UndeclaredError

BOOLEANS = ("false", "true")


@dataclass(frozen=True, eq=False)
class _Histogram:
    """Exact counts of one question, and how noisy counts become its answer. Never leaves this module."""

    counts: NDArray[np.int64]
    answer: Callable[[NDArray[np.float64]], Answer]


class PrivateStatistics:
    """Answers that are noisy, paid for, and given once.

    Formal guarantees
    -----------------
    Under add/remove of one unit with at most m = ``promise.rows`` rows:

    * Unknown categories of a column: a stable histogram (Korolova et al. 2009, doi:10.1145/1526709.1526733;
      Bun et al. 2016, arXiv:1511.08552, section 3). Units are counted by value, each in at most k =
      ``promise.categories_cap`` values; observed values get Laplace noise of ``category_scale``; those above
      ``category_threshold`` are released with their noisy counts. It is (k / scale, δ)-DP, where
      δ = k/2 exp((1 - threshold) / scale) bounds the chance that a value which the unit alone holds is released.
    * All other questions: one Gaussian mechanism on the concatenation of their cells, declared ones all of
      them, whose L2 sensitivity is ``mechanisms.statistics_sensitivity``.

    The two kinds are asked in two calls of :meth:`answer`, in that order, and each is paid for once by the declared
    workload: a further call, or more columns than the workload has, are refused. Rounding, clipping at zero and
    the order of categories are post-processing.
    """

    def __init__(self, data: Units, mechanisms: Mechanisms, noise: Noise) -> None:
        if len(data) and int(data.rows_per_unit.max()) > mechanisms.promise.rows:
            raise DataError(
                f"a unit has more rows than the declared cap of {mechanisms.promise.rows}; "
                "leave surplus rows out with UnitFrame.capped before anything is learned"
            )
        _check_threshold(mechanisms)
        self._data = data
        self._mechanisms = mechanisms
        self._noise = noise
        self._found: dict[str, tuple[str, ...]] = {}
        self._searched = False
        self._counted = False

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers in the order of the questions.

        Raises ``UndeclaredError`` on what is neither declared nor paid for, and ``BudgetRefused`` on questions
        beyond the workload.
        """
        asked = [self._declared(q.column) for q in questions if not isinstance(q, RowCountQuestion)]
        self._check_declared(asked)
        if not self._searched and any(categories_unknown(column) for column in asked):
            if len(asked) < len(questions) or not all(categories_unknown(column) for column in asked):
                raise BudgetRefused("unknown categories are asked first, in a call of their own; split the questions")
            return list(self._find(asked))
        return self._count(questions, asked) if questions else []

    def _declared(self, column: Column) -> Column:
        """The column as the schema of the records has it: what a question claims of it is not believed."""
        return self._data.table.column(column.name)

    def _check_declared(self, asked: Sequence[Column]) -> None:
        table, names = self._data.table, [column.name for column in asked]
        lines = missing_declarations(table, [name for name in table.names if name not in names])
        if lines:
            raise UndeclaredError(f"table {table.name!r}, neither declared nor paid for: {' | '.join(lines)}")
        for name in names:
            if names.count(name) > 1:
                raise BudgetRefused(f"column {name!r} is asked twice; asking twice would spend twice")

    def _find(self, columns: Sequence[Column]) -> list[Categories]:
        """A stable histogram of each column."""
        mechanisms = self._mechanisms
        _check_paid("columns of unknown categories", len(columns), mechanisms.workload.unknown_categories)
        if not mechanisms.category_scale > 0:
            raise BudgetRefused("no budget was set aside for unknown categories; declare the categories of all columns")
        self._searched = True
        answers = [self._stable(column) for column in columns]
        self._found = {column.name: answer.values for column, answer in zip(columns, answers, strict=True)}
        return answers

    def _stable(self, column: Column) -> Categories:
        mechanisms = self._mechanisms
        values, units = histograms.all_unit_counts(self._data, column, mechanisms.promise.categories_cap)
        listed, noisy = released(values, units, mechanisms.category_scale, mechanisms.category_threshold, self._noise)
        return Categories(listed, noisy, other=0.0, missing=0.0)

    def _count(self, questions: Sequence[Question], asked: Sequence[Column]) -> list[Answer]:
        """One Gaussian mechanism over all cells of all questions."""
        if self._counted:
            raise BudgetRefused("the histograms were answered already; asking twice would spend twice")
        work, units = self._mechanisms.workload, sum(column.of_unit for column in asked)
        _check_paid("columns of units", units, work.unit_columns)
        _check_paid("columns of rows", len(asked) - units, work.row_columns)
        _check_paid("histograms of rows per unit", len(questions) - len(asked), int(work.row_counts))
        scale = self._mechanisms.statistics_multiplier * self._mechanisms.statistics_sensitivity
        if not scale > 0:
            raise BudgetRefused("no budget was set aside for histograms; give statistics_share a value above 0")
        parts = [self._histogram(question) for question in questions]
        self._counted = True
        exact = np.concatenate([part.counts for part in parts])
        noisy = whole(exact + self._noise.gaussian(scale, len(exact)))
        ends = np.cumsum([len(part.counts) for part in parts])[:-1]
        return [part.answer(counts) for part, counts in zip(parts, np.split(noisy, ends), strict=True)]

    def _histogram(self, question: Question) -> _Histogram:
        if isinstance(question, RowCountQuestion):
            return _Histogram(histograms.row_counts(self._data, question.most), RowCounts)
        column = self._declared(question.column)
        if isinstance(question, NumberQuestion) and column.kind in NUMERIC:
            return self._cells(column)
        if isinstance(question, CategoryQuestion) and column.kind in ("categorical", "boolean"):
            return self._categories(column, self._listed(column, question.column))
        raise UndeclaredError(
            f"column {column.name!r}: a {type(question).__name__} does not fit its declared kind {column.kind}; "
            "declare the kind that is meant"
        )

    def _cells(self, column: Column) -> _Histogram:
        grid = declared_cells(_without_learned_bounds(column))
        assert grid is not None  # what has no declared grid was refused
        lows, highs = grid
        counts, missing = histograms.all_cell_counts(self._data, column, lows)
        if not _nullable(column):
            return _Histogram(counts, lambda noisy: Cells(lows, highs, noisy, 0.0))
        cells = np.concatenate([counts, [missing]])
        return _Histogram(cells, lambda noisy: Cells(lows, highs, noisy[:-1], float(noisy[-1])))

    def _categories(self, column: Column, listed: tuple[str, ...]) -> _Histogram:
        counts, other, missing = histograms.all_category_counts(self._data, column, listed)
        ends = [other, missing] if _nullable(column) else [other]
        return _Histogram(
            np.concatenate([counts, ends]).astype(np.int64),
            lambda noisy: Categories(
                listed, noisy[: len(listed)], float(noisy[len(listed)]), float(noisy[len(listed) + 1 :].sum())
            ),
        )

    def _listed(self, column: Column, claimed: Column) -> tuple[str, ...]:
        """The categories of the histogram: the declared ones, or such as the stable histogram released."""
        if column.kind == "boolean":
            return BOOLEANS
        if not categories_unknown(column):
            return column.categories or ()
        if column.name not in self._found:
            raise BudgetRefused(f"column {column.name!r}: its categories are not declared and were not found first")
        listed = self._found[column.name] if claimed.categories is None else claimed.categories
        if not set(listed) <= set(self._found[column.name]):
            raise UndeclaredError(
                f"column {column.name!r}: a listed category is neither declared nor among those that were released; "
                "ask with the categories of the first answer"
            )
        return listed


def released(
    values: NDArray[np.object_], units: NDArray[np.int64], scale: float, threshold: float, noise: Noise
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The values of a stable histogram whose noisy number of units is above the threshold.

    ``units`` has shape ``(values,)``. Returns them by descending noisy count, a whole number, and those
    counts; equal counts stand in the order of their values, not of the records.
    """
    noisy = units + noise.laplace(scale, len(units))
    passed = np.flatnonzero(noisy > threshold)
    counts = whole(noisy[passed])
    order = sorted(range(len(passed)), key=lambda i: (-counts[i], values[passed[i]]))
    return tuple(str(values[passed[i]]) for i in order), counts[order]


def _nullable(column: Column) -> bool:
    """Whether values may be missing; that none was missing among the records is not known to a private run."""
    return column.nullable or "nullable" in column.learned


def _without_learned_bounds(column: Column) -> Column:
    """Bounds that were read off records give way to the declared edges."""
    forgotten: dict[str, None] = {end: None for end in ("low", "high") if end in column.learned}
    return replace(column, **forgotten)  # type: ignore[arg-type]


def _check_threshold(mechanisms: Mechanisms) -> None:
    """The threshold must keep the δ that was accounted for."""
    scale, most = mechanisms.category_scale, mechanisms.promise.categories_cap
    if scale > 0:
        delta = most / 2 * math.exp(min(0.0, 1 - mechanisms.category_threshold) / scale)
        if delta > mechanisms.category_delta * (1 + 1e-6):
            raise BudgetRefused(
                f"category_threshold {mechanisms.category_threshold:.4g} has δ {delta:.3g}, more than the "
                f"{mechanisms.category_delta:.3g} accounted for; use 1 + scale * ln(k / (2 δ))"
            )


def _check_paid(what: str, asked: int, paid: int) -> None:
    if asked > paid:
        raise BudgetRefused(f"{asked} {what} are asked, but the budget was calibrated for {paid}; recalibrate for them")
