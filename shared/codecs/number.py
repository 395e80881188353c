"""Codec of integers, reals, dates and datetimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer, Cells, NumberQuestion
from shared.codecs.binning import Bins, binned, decimals_of
from shared.codecs.content import Content, broken, checked, draw
from shared.codecs.contract import CodeSet
from shared.corpus.schema import Column
from shared.corpus.values import bounds, from_numbers, to_numbers
from shared.engines.encoded import Codes, Positions
from shared.errors import DataError, SchemaError

BINS = 100


class _Content(Content):
    lows: list[float]
    highs: list[float]
    weights: list[float]
    starts: list[int]
    counts: list[float]
    missing: float | None
    step: float | None


@dataclass(frozen=True, eq=False)
class NumberCodec:
    """Numbers as codes in ascending order: atoms, which are kept as they are, and bins.

    The code of *missing*, if there is one, is the last; ``missing`` counts its rows. A bin decodes to a value
    inside it, drawn as :class:`~shared.codecs.binning.Bins` says, on the column's resolution ``step``
    (``None``: any number) and never beyond the declared bounds. A *missing* that the answer
    counted zero of was never seen, and decodes to a value.
    """

    column: Column
    bins: Bins
    missing: float | None
    step: float | None

    @staticmethod
    def question(column: Column) -> NumberQuestion:
        """How the numbers are distributed."""
        return NumberQuestion(column)

    @classmethod
    def learn(cls, column: Column, answer: Answer | None, *, bins: int = BINS) -> Self:
        """From the answer to :meth:`question`, with about ``bins`` codes."""
        if not isinstance(answer, Cells):
            raise DataError(f"column {column.name!r}: a number codec learns from counts over cells alone")
        found, step = binned(answer, column, bins)
        missing = max(answer.missing, 0.0) if column.nullable or not len(found) else None
        return cls(column, found, missing, step)

    @property
    def sizes(self) -> tuple[int, ...]:
        """One size."""
        return (len(self.bins) + (self.missing is not None),)

    @property
    def marginals(self) -> tuple[NDArray[np.float64], ...]:
        """How many rows have each code."""
        return (self.bins.counts if self.missing is None else np.append(self.bins.counts, self.missing),)

    @property
    def positions(self) -> tuple[Positions, ...]:
        """The atom, or the middle of the bin."""
        middles = (self._lows + self._highs) / 2
        return (middles if self.missing is None else np.append(middles, np.nan),)

    @cached_property
    def _lows(self) -> NDArray[np.float64]:
        """Least value of each code."""
        return self.bins.lows[self.bins.starts[:-1]]

    @cached_property
    def _highs(self) -> NDArray[np.float64]:
        """Greatest value of each code."""
        return self.bins.highs[self.bins.starts[1:] - 1]

    @cached_property
    def _atom_codes(self) -> NDArray[np.int64]:
        return np.flatnonzero((self._lows == self._highs) & (np.diff(self.bins.starts) == 1))

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, 1)``; a value outside of all codes takes the nearest.

        Raises ``DataError`` for a missing value where the column is not nullable.
        """
        numbers = to_numbers(values, self.column)
        absent = np.isnan(numbers)
        if absent.any() and self.missing is None:
            raise DataError(
                f"column {self.column.name!r}: a value is missing, but the column is not nullable; "
                "declare it nullable or fill the value in"
            )
        codes = np.full(len(numbers), len(self.bins), dtype=np.int32)
        if len(self.bins):
            codes[~absent] = self._places(numbers[~absent])
        return codes[:, None]

    def _places(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """The code of each number: its atom, else the last that begins at or below it or, if nearer, the next."""
        last = len(self.bins) - 1
        codes = np.clip(np.searchsorted(self._lows, numbers, side="right") - 1, 0, last)
        following = np.minimum(codes + 1, last)
        nearer = (numbers > self._highs[codes]) & (self._lows[following] - numbers < numbers - self._highs[codes])
        codes = np.where(nearer, following, codes)
        if len(self._atom_codes):
            atoms = self._lows[self._atom_codes]
            places = np.minimum(np.searchsorted(atoms, numbers), len(atoms) - 1)
            codes = np.where(atoms[places] == numbers, self._atom_codes[places], codes)
        return codes

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Values with the dtype of the column's kind."""
        places = codes[:, 0].astype(np.int64)
        absent = places >= len(self.bins)
        if self.never:
            places[absent] = draw(self.bins.counts, int(absent.sum()), random)
            absent = np.zeros(len(places), dtype=bool)
        numbers = np.full(len(places), np.nan)
        numbers[~absent] = self._drawn(places[~absent], random)
        return from_numbers(numbers, self.column)

    def _drawn(self, codes: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.float64]:
        bins = self.bins
        sums = np.concatenate([[0.0], np.cumsum(bins.weights)])
        begin, end = bins.starts[codes], bins.starts[codes + 1]
        luck = sums[begin] + random.random(len(codes)) * (sums[end] - sums[begin])
        cells = np.clip(np.searchsorted(sums, luck, side="right") - 1, begin, end - 1)
        lows, highs = bins.lows[cells], bins.highs[cells]
        luck = random.random(len(codes))
        if self.step is None:
            numbers = lows + luck * (highs - lows)
        else:
            steps = np.floor((highs - lows) / self.step + 1e-9)
            numbers = lows + self.step * np.minimum(np.floor(luck * (steps + 1)), steps)
        if self._decimals is not None:
            numbers = np.round(numbers, self._decimals)
        low, high = bounds(self.column)
        return np.clip(np.clip(numbers, lows, highs), low, high)

    @cached_property
    def _decimals(self) -> int | None:
        """Decimals of all that can be drawn, to undo the rounding errors of sums of steps."""
        return None if self.step is None else decimals_of(np.append(self.bins.lows, self.step))

    @property
    def never(self) -> frozenset[int]:
        """A missing that was never seen."""
        return frozenset([len(self.bins)] if self.missing == 0 and len(self.bins) else [])

    def codes_of(self, values: frozenset[str]) -> tuple[CodeSet, ...]:
        """The codes of the values that are atoms; a value that no code decodes to has none.

        Raises ``SchemaError`` for a value that shares a bin with others.
        """
        numbers = _parsed(values, self.column)
        codes = set(self._atom_codes[np.isin(self._lows[self._atom_codes], numbers)].tolist())
        wide = np.setdiff1d(np.arange(len(self.bins)), self._atom_codes)
        for number in np.setdiff1d(numbers, self._lows[self._atom_codes]):
            if np.any((self._lows[wide] <= number) & (number <= self._highs[wide])):
                raise SchemaError(
                    f"column {self.column.name!r}: value {number:g} of a constraint shares its code with other values; "
                    "declare it under the column's atoms"
                )
        return ({0: frozenset(codes) | self.never},) if codes else ()

    def to_json(self) -> Mapping[str, Any]:
        """The bins, the count of missing and the resolution."""
        bins = self.bins
        arrays = {"lows": bins.lows, "highs": bins.highs, "weights": bins.weights, "starts": bins.starts}
        lists: dict[str, Any] = {name: array.tolist() for name, array in arrays.items()}
        return {**lists, "counts": bins.counts.tolist(), "missing": self.missing, "step": self.step}

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises ``DataError`` for anything else."""
        what = f"the codec of column {column.name!r}"
        read = checked(_Content, content, what)
        lows, highs, weights, counts = (
            np.array(part, dtype=np.float64) for part in (read.lows, read.highs, read.weights, read.counts)
        )
        starts = np.array(read.starts, dtype=np.int64)
        if not len(lows) == len(highs) == len(weights) or len(starts) != len(counts) + 1:
            raise broken(what, "its lists differ in length")
        if starts[0] != 0 or starts[-1] != len(lows) or np.any(np.diff(starts) < 1):
            raise broken(what, "starts must ascend from 0 to the number of cells")
        if np.any(lows > highs) or np.any(np.diff(lows) < 0) or np.any(np.diff(highs) < 0):
            raise broken(what, "lows and highs must ascend")
        if min([*read.weights, *read.counts, read.missing or 0.0]) < 0 or (read.step is not None and read.step <= 0):
            raise broken(what, "a count is negative, or the step is not positive")
        if len(lows) and np.any(np.add.reduceat(weights, starts[:-1]) <= 0):
            raise broken(what, "a code has no weight")
        if not len(counts) and read.missing is None:
            raise broken(what, "it has no codes")
        return cls(column, Bins(lows, highs, weights, starts, counts), read.missing, read.step)


def _parsed(values: frozenset[str], column: Column) -> NDArray[np.float64]:
    """Texts as numbers of the column; what is no value of its kind is left out, as it cannot occur."""
    texts = pd.Series(sorted(values), dtype="str")
    if column.kind in ("date", "datetime"):
        numbers = to_numbers(pd.to_datetime(texts, errors="coerce", format="ISO8601"), column)
    else:
        numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    return numbers[~np.isnan(numbers)]
