"""Access without privacy: the records themselves answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from shared.access.contract import BatchPlan, Phase
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
from shared.corpus.units import UnitFrame
from shared.corpus.values import to_numbers, to_text
from shared.errors import TrainingDiverged
from shared.randomness import numpy_generator


class PlainStatistics:
    """Exact answers; a column that is ``of_unit`` is counted once a unit."""

    def __init__(self, data: UnitFrame) -> None:
        self._data = data

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers in the order of the questions."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        if isinstance(question, NumberQuestion):
            return _cells(to_numbers(self._values(question.column), question.column))
        if isinstance(question, CategoryQuestion):
            return _categories(to_text(self._values(question.column)), question.column.categories)
        return _row_counts(self._data.rows_per_unit, question)

    def _values(self, column: Column) -> pd.Series:
        values = self._data.frame[column.name]
        return values.iloc[self._data.offsets[:-1]] if column.of_unit else values


class PlainAccess:
    """Reads the records of ``data``: exact statistics and the plain mean gradient of a batch."""

    def __init__(self, data: UnitFrame) -> None:
        self._units = len(data)
        self._statistics = PlainStatistics(data)

    @property
    def statistics(self) -> PlainStatistics:
        """Exact answers about the records."""
        return self._statistics

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


def _cells(numbers: NDArray[np.float64]) -> Cells:
    missing = np.isnan(numbers)
    values, counts = np.unique(numbers[~missing], return_counts=True)
    return Cells(values, values, counts.astype(np.float64), float(missing.sum()))


def _categories(text: pd.Series, declared: tuple[str, ...] | None) -> Categories:
    """Declared categories in their order; found ones by falling frequency, ties by value."""
    found = text.value_counts(dropna=True)
    missing = float(text.isna().sum())
    if declared is not None:
        counts = found.reindex(list(declared), fill_value=0).to_numpy(dtype=np.float64)
        return Categories(declared, counts, float(found.sum() - counts.sum()), missing)
    values, counts = found.index.to_numpy(dtype=object), found.to_numpy(dtype=np.float64)
    order = np.lexsort((pd.factorize(values, sort=True)[0], -counts))
    return Categories(tuple(values[order]), counts[order], 0.0, missing)


def _row_counts(rows_per_unit: NDArray[np.int64], question: RowCountQuestion) -> RowCounts:
    capped = np.minimum(rows_per_unit, question.most)
    return RowCounts(np.bincount(capped, minlength=question.most + 1).astype(np.float64))
