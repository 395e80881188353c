"""Access without privacy: the records themselves answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from shared.access.contract import BatchPlan, Phase
from shared.access.marginals import PlainMarginals
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
from shared.corpus.schema import Column
from shared.corpus.units import Units, first_rows
from shared.corpus.values import to_numbers, to_text
from shared.errors import TrainingDiverged
from shared.randomness import mixed, numpy_generator

# Distinct numbers of a column that are counted exactly; beyond them about as many rows are drawn to stand for all.
MOST_NUMBERS = 1 << 20
_DRAW = 0x5DEECE66D
_EVALUATED = 4096  # units whose losses are taken at once


class PlainStatistics:
    """Exact answers, however large the records are; a column that is ``of_unit`` is counted once a unit.

    One answer is not exact: numbers of more than ``most_numbers`` distinct values are counted among about so
    many rows, drawn by a fixed hash of their position; the counts are scaled to all rows.
    """

    def __init__(self, data: Units, *, most_numbers: int = MOST_NUMBERS) -> None:
        self._data = data
        self._most_numbers = most_numbers

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers in the order of the questions."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        if isinstance(question, NumberQuestion):
            return self._cells(question.column)
        if isinstance(question, CategoryQuestion):
            return self._categories(question.column)
        return _row_counts(self._data.rows_per_unit, question)

    def _values(self, column: Column) -> Iterator[pd.Series]:
        for chunk in self._data.chunks([column.name]):
            values = chunk.frame[column.name]
            yield values.iloc[first_rows(chunk)] if column.of_unit else values

    def _cells(self, column: Column) -> Cells:
        missing, total, tally = 0, 0, _Tally()
        for values in self._values(column):
            numbers = to_numbers(values, column)
            present = numbers[~np.isnan(numbers)]
            missing, total = missing + len(numbers) - len(present), total + len(numbers)
            if tally.distinct <= self._most_numbers:
                tally.add(present)
        if tally.settled() <= self._most_numbers:
            return Cells(tally.values, tally.values, tally.counts.astype(np.float64), float(missing))
        drawn, rate, first = _Tally(), self._most_numbers / total, 0
        for values in self._values(column):
            numbers = to_numbers(values, column)
            luck = mixed(np.arange(first, first + len(numbers), dtype=np.uint64), _DRAW) / np.float64(1 << 64)
            drawn.add(numbers[(luck < rate) & ~np.isnan(numbers)])
            first += len(numbers)
        drawn.settled()
        scale = (total - missing) / drawn.counts.sum()
        return Cells(drawn.values, drawn.values, drawn.counts * scale, float(missing))

    def _categories(self, column: Column) -> Categories:
        """Declared categories in their order; found ones by falling frequency, ties by value."""
        found, missing = pd.Series(dtype="int64"), 0
        for values in self._values(column):
            text = to_text(values)
            found = found.add(text.value_counts(dropna=True), fill_value=0).astype("int64")
            missing += int(text.isna().sum())
        declared = column.categories
        if declared is not None:
            counts = found.reindex(list(declared), fill_value=0).to_numpy(dtype=np.float64)
            return Categories(declared, counts, float(found.sum() - counts.sum()), float(missing))
        names, counts = found.index.to_numpy(dtype=object), found.to_numpy(dtype=np.float64)
        order = np.lexsort((pd.factorize(names, sort=True)[0], -counts))
        return Categories(tuple(names[order]), counts[order], 0.0, float(missing))


class _Tally:
    """Distinct numbers and how often each came; memory grows with the distinct ones alone."""

    def __init__(self) -> None:
        self.values, self.counts = np.zeros(0), np.zeros(0, dtype=np.int64)
        self._waiting: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
        self._size = 0

    @property
    def distinct(self) -> int:
        """At least so many distinct numbers came."""
        return len(self.values)

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Count some more; what was counted is merged now and then, so that the work stays linear."""
        values, counts = np.unique(numbers, return_counts=True)
        self._waiting.append((values, counts))
        self._size += len(values)
        if self._size > max(len(self.values), 1 << 18):
            self.settled()

    def settled(self) -> int:
        """How many distinct numbers came; brings ``values`` (ascending) and ``counts`` up to date."""
        parts = [(self.values, self.counts), *self._waiting]
        self.values, places = np.unique(np.concatenate([values for values, _ in parts]), return_inverse=True)
        counts = np.concatenate([counts for _, counts in parts])
        self.counts = np.bincount(places, counts, minlength=len(self.values)).astype(np.int64)
        self._waiting, self._size = [], 0
        return len(self.values)


class PlainAccess:
    """Reads the records of ``data``: exact statistics and the plain mean gradient of a batch."""

    def __init__(self, data: Units) -> None:
        self._units = len(data)
        self._statistics = PlainStatistics(data)

    @property
    def statistics(self) -> PlainStatistics:
        """Exact answers about the records."""
        return self._statistics

    @property
    def marginals(self) -> PlainMarginals:
        """Exact marginals of encoded rows."""
        return PlainMarginals()

    @property
    def units(self) -> int:
        """The exact number of units."""
        return self._units

    def plan(self, preferred: BatchPlan) -> BatchPlan:
        """The preferred plan itself."""
        return preferred

    def batches(self, units: int, plan: BatchPlan, seed: int) -> Iterator[NDArray[np.int64]]:
        """Shuffled epochs, cut into batches one after another; what an epoch leaves over opens the next one's first.

        Each batch has ``plan.batch_units`` units, or all of them where there are fewer.
        """
        random = numpy_generator(seed, "batches")
        size = min(plan.batch_units, units)
        waiting = np.zeros(0, dtype=np.int64)
        for _ in range(plan.steps):
            if len(waiting) < size:
                waiting = np.concatenate([waiting, random.permutation(units)])
            yield waiting[:size]
            waiting = waiting[size:]

    def step(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """Gradients of the mean loss over the rows of these units, which it returns.

        Raises ``TrainingDiverged`` if that mean is no finite number.
        """
        phase.module.zero_grad(set_to_none=True)
        values = phase.losses(units).values
        if values.numel() == 0:
            return 0.0
        loss = values.mean()
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"the loss of a step is {float(loss.detach())}, not a finite number; use a lower learning rate"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def noise_seed(self, seed: int) -> int:
        """The seed itself."""
        return seed

    def evaluate(self, phase: Phase, units: NDArray[np.int64]) -> float:
        """The mean loss of these units' rows."""
        return mean_loss(phase, units)


def mean_loss(phase: Phase, units: NDArray[np.int64]) -> float:
    """The mean loss of the rows of some units, without gradients; 0 for no rows."""
    total, rows = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(units), _EVALUATED):
            values = phase.losses(units[start : start + _EVALUATED]).values
            total, rows = total + float(values.double().sum()), rows + values.numel()
    return total / rows if rows else 0.0


def _row_counts(rows_per_unit: NDArray[np.int64], question: RowCountQuestion) -> RowCounts:
    capped = np.minimum(rows_per_unit, question.most)
    return RowCounts(np.bincount(capped, minlength=question.most + 1).astype(np.float64))
