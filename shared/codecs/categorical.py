"""Codec of categorical columns, of any cardinality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer, Categories, CategoryQuestion
from shared.codecs.content import Content, broken, checked, draw
from shared.codecs.contract import CodeSet
from shared.corpus.schema import Column
from shared.corpus.values import to_text
from shared.engines.encoded import Codes, Positions
from shared.errors import DataError

# Above it a rank is written with two digits, so that no column has more codes than this by far.
MOST_CODES = 1000
UNLISTED = "other"


class _Content(Content):
    values: list[str]
    counts: list[float]
    other: float | None
    missing: float | None


@dataclass(frozen=True, eq=False)
class CategoricalCodec:
    """Categories as codes, in their declared order or by falling frequency.

    ``counts`` has shape ``(values,)``. ``missing`` and ``other`` count rows without a value and rows
    whose value is not listed; ``None`` means that there is no code for them. Missing has one if the
    column is nullable, other if the categories were found among records. Declared categories are
    complete: what an answer counts as other is noise.

    Up to ``MOST_CODES`` values take one code column. More take two: the rank by frequency in base
    K = ⌈√values⌉, high digit first; missing and other are high digits of their own.

    *Other* decodes to the text ``other``: spread over the listed values it would multiply their shares, and
    a common diagnosis would look twice as common as it is. A *missing* or *other* that the answer counted
    zero of was never seen; decoding draws a listed value for it, in proportion to their counts.
    """

    column: Column
    values: tuple[str, ...]
    counts: NDArray[np.float64]
    other: float | None
    missing: float | None

    @staticmethod
    def question(column: Column) -> CategoryQuestion:
        """Which categories there are, and how many rows each has."""
        return CategoryQuestion(column)

    @classmethod
    def learn(cls, column: Column, answer: Answer | None) -> Self:
        """From the answer to :meth:`question`; the listed values may come from an earlier answer."""
        if not isinstance(answer, Categories):
            raise DataError(f"column {column.name!r}: a categorical codec learns from category counts alone")
        values, counts = answer.values, np.maximum(answer.counts, 0.0)
        if len(values) > MOST_CODES:
            order = np.argsort(-counts, kind="stable")
            values, counts = tuple(values[place] for place in order), counts[order]
        other = max(answer.other, 0.0) if column.categories is None else None
        missing = max(answer.missing, 0.0) if column.nullable or (not values and other is None) else None
        return cls(column, values, counts, other, missing)

    @property
    def _split(self) -> bool:
        return len(self.values) > MOST_CODES

    @cached_property
    def _base(self) -> int:
        """Size of the low digit."""
        return math.isqrt(len(self.values) - 1) + 1 if self._split else 1

    @cached_property
    def _listed(self) -> int:
        """How many codes of the first code column stand for listed values; those of missing and other follow."""
        return -(-len(self.values) // self._base)

    @property
    def _missing_code(self) -> int | None:
        return None if self.missing is None else self._listed

    @property
    def _other_code(self) -> int | None:
        return None if self.other is None else self._listed + (self.missing is not None)

    @property
    def sizes(self) -> tuple[int, ...]:
        """One size, or those of the two digits."""
        first = self._listed + (self.missing is not None) + (self.other is not None)
        return (first, self._base) if self._split else (first,)

    @property
    def marginals(self) -> tuple[NDArray[np.float64], ...]:
        """Counts of each code; rows that are missing or other have the low digit 0."""
        special = [count for count in (self.missing, self.other) if count is not None]
        if not self._split:
            return (np.append(self.counts, special),)
        full = np.zeros(self._listed * self._base)
        full[: len(self.counts)] = self.counts
        digits = full.reshape(self._listed, self._base)
        low = digits.sum(axis=0)
        low[0] += sum(special)
        return np.append(digits.sum(axis=1), special), low

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Categories have none."""
        return (None,) * len(self.sizes)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(list(self.values), dtype="str")

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, 1 or 2)``.

        Raises ``DataError`` for a missing value where the column is not nullable, and for an unlisted
        value where the categories are declared.
        """
        places, distinct = pd.factorize(to_text(values))
        ranks = self._index.get_indexer(pd.Index(distinct, dtype="str"))
        if (ranks < 0).any() and self._other_code is None:
            unlisted = distinct[int(np.flatnonzero(ranks < 0)[0])]
            raise DataError(
                f"column {self.column.name!r}: value {unlisted!r} is not among its {len(self.values)} categories; "
                "add it to the schema's categories, or declare none"
            )
        if (places < 0).any() and self._missing_code is None:
            raise DataError(
                f"column {self.column.name!r}: a value is missing, but the column is not nullable; "
                "declare it nullable or fill the value in"
            )
        high, low = ranks // self._base, ranks % self._base
        high[ranks < 0], low[ranks < 0] = self._other_code or 0, 0
        # Missing values have place -1, which takes the last.
        high = np.append(high, self._missing_code or 0)
        codes = high[places][:, None]
        if self._split:
            codes = np.column_stack([codes, np.append(low, 0)[places]])
        return codes.astype(np.int32)

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Values of dtype ``str``; digits that no value has count as its nearest."""
        first = codes[:, 0].astype(np.int64)
        low = codes[:, 1] if self._split else 0
        ranks = np.minimum(first * self._base + low, len(self.values) - 1)
        spelled = pd.array([*self.values, UNLISTED], dtype="str")
        ranks[first == self._other_code] = len(self.values)
        ranks[first == self._missing_code] = -1
        drawn = np.isin(first, list(self.never))
        if drawn.any():
            ranks[drawn] = draw(self.counts, int(drawn.sum()), random)
        return pd.Series(spelled.take(ranks, allow_fill=True), name=self.column.name)

    @property
    def never(self) -> frozenset[int]:
        """Missing and other where they were never seen, if there are listed values to take their place."""
        codes = (self._other_code if self.other == 0 else None, self._missing_code if self.missing == 0 else None)
        return frozenset(code for code in codes if code is not None and self.values)

    def codes_of(self, values: frozenset[str]) -> tuple[CodeSet, ...]:
        """The codes that may decode to one of the values: theirs, and those that decoding draws values for.

        Where values have two digits: the high ones under which all values are meant, and for each of the other
        high ones the low ones with it.
        """
        meant = self._index.isin(list(values))
        rest = frozenset(code for code in [self._other_code] if UNLISTED in values and code is not None) - self.never
        if not meant.any() and not rest:
            return ()
        # Digits beyond the last value decode to it.
        grid = np.pad(meant, (0, self._listed * self._base - len(meant)), mode="edge").reshape(-1, self._base)
        whole = frozenset(np.flatnonzero(grid.all(axis=1)).tolist()) | self.never | rest
        partly = np.flatnonzero(grid.any(axis=1) & ~grid.all(axis=1)).tolist()
        parts = [{0: frozenset([high]), 1: frozenset(np.flatnonzero(grid[high]).tolist())} for high in partly]
        return tuple([{0: whole}] if whole else []) + tuple(parts)

    def to_json(self) -> Mapping[str, Any]:
        """Values, counts, and the counts of other and missing."""
        return {
            "values": list(self.values),
            "counts": [float(count) for count in self.counts],
            "other": None if self.other is None else float(self.other),
            "missing": None if self.missing is None else float(self.missing),
        }

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises ``DataError`` for anything else."""
        what = f"the codec of column {column.name!r}"
        read = checked(_Content, content, what)
        if len(read.counts) != len(read.values) or len(set(read.values)) != len(read.values):
            raise broken(what, "values are listed twice, or are not as many as counts")
        if min([*read.counts, read.other or 0.0, read.missing or 0.0]) < 0:
            raise broken(what, "a count is negative")
        if not read.values and read.other is None and read.missing is None:
            raise broken(what, "it has no codes")
        return cls(column, tuple(read.values), np.array(read.counts, dtype=np.float64), read.other, read.missing)
