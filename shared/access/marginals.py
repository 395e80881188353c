"""Marginals of encoded rows: how often codes occur together, measured and selected through an access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.engines.encoded import Histories, Rows
from shared.errors import DataError

MOST_CELLS = 1 << 24  # of one marginal
_ROWS = 1 << 18  # counted at once


@dataclass(frozen=True)
class MarginalQuestion:
    """How often does each combination of codes of these columns occur? Columns are places among the code columns."""

    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """Counts of rows by combination, of the shape of the columns' sizes, with the deviation of their noise.

    Noisy counts are whole numbers and may be negative. ``deviation`` of 0: exact.
    """

    question: MarginalQuestion
    counts: NDArray[np.float64]
    deviation: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """What may be measured next: its score is ``weight`` (Σ|counts - expected| - ``penalty``).

    ``expected`` has the shape of the columns' sizes and follows from what was measured before.
    """

    question: MarginalQuestion
    expected: NDArray[np.float64]
    weight: float = 1.0
    penalty: float = 0.0


class Marginals(Protocol):
    """Marginals of the rows that the access protects. Each answer is a mechanism of its own."""

    def rounds(self, preferred: int) -> int:
        """How many times :meth:`select` and :meth:`measure` will answer."""
        ...

    @property
    def deviation(self) -> float:
        """That of the noise of :meth:`measure`."""
        ...

    def singles(self, data: Histories) -> list[Measured]:
        """Those of every single column, once."""
        ...

    def select(self, data: Histories, candidates: Sequence[Candidate]) -> int:
        """The place of a candidate of a high score."""
        ...

    def measure(self, data: Histories, question: MarginalQuestion) -> Measured:
        """One marginal."""
        ...


class PlainMarginals:
    """Exact answers, as many as are asked for."""

    deviation = 0.0

    def rounds(self, preferred: int) -> int:
        """As preferred."""
        return preferred

    def singles(self, data: Histories) -> list[Measured]:
        """Exact counts of every column."""
        tallies = [np.zeros(size, dtype=np.int64) for size in data.rows.sizes]
        for start in range(0, len(data.rows), _ROWS):  # once over the rows, which may lie in a file
            codes = data.rows.at(np.arange(start, min(start + _ROWS, len(data.rows))))
            for tally, column in zip(tallies, codes.T, strict=True):
                tally += np.bincount(column, minlength=len(tally))
        return [Measured(MarginalQuestion((c,)), tally.astype(np.float64), 0.0) for c, tally in enumerate(tallies)]

    def select(self, data: Histories, candidates: Sequence[Candidate]) -> int:
        """The candidate of the highest score, the first of equals."""
        return int(np.argmax(scores(data.rows, candidates)))

    def measure(self, data: Histories, question: MarginalQuestion) -> Measured:
        """Exact counts."""
        return Measured(question, counted(data.rows, question), 0.0)


def counted(rows: Rows, question: MarginalQuestion) -> NDArray[np.float64]:
    """Exact counts of rows by combination of codes, of the shape of the columns' sizes."""
    columns = list(question.columns)
    shape = tuple(rows.sizes[column] for column in columns)
    if not columns or len(set(columns)) < len(columns) or np.prod(shape, dtype=np.float64) > MOST_CELLS:
        raise DataError(f"a marginal of the columns {columns} of {shape} codes; give different ones of fewer codes")
    counts = np.zeros(int(np.prod(shape)), dtype=np.int64)
    for start in range(0, len(rows), _ROWS):
        codes = rows.at(np.arange(start, min(start + _ROWS, len(rows))))[:, columns]
        counts += np.bincount(np.ravel_multi_index(tuple(codes.T), shape), minlength=len(counts))
    return counts.reshape(shape).astype(np.float64)


def scores(rows: Rows, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Exact scores, shape ``(candidates,)``: one row more or less moves each by at most its weight."""
    if not candidates:
        raise DataError("there is nothing to select from; give candidates")
    return np.array([c.weight * (np.abs(counted(rows, c.question) - c.expected).sum() - c.penalty) for c in candidates])
