"""Codec of boolean columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shared.access.questions import Answer, CategoryQuestion
from shared.codecs.categorical import CategoricalCodec
from shared.codecs.content import broken
from shared.codecs.contract import CodeSet
from shared.corpus.schema import Column
from shared.engines.encoded import Codes, Positions

BOOLEANS = ("false", "true")


@dataclass(frozen=True, eq=False)
class BooleanCodec:
    """False and true are the codes 0 and 1; missing, if the column is nullable, is 2."""

    column: Column
    categories: CategoricalCodec

    @staticmethod
    def question(column: Column) -> CategoryQuestion:
        """How many rows are false and how many true."""
        return CategoryQuestion(_as_categorical(column))

    @classmethod
    def learn(cls, column: Column, answer: Answer | None) -> Self:
        """From the answer to :meth:`question`."""
        return cls(column, CategoricalCodec.learn(_as_categorical(column), answer))

    @property
    def sizes(self) -> tuple[int, ...]:
        """One size: 2 or 3."""
        return self.categories.sizes

    @property
    def marginals(self) -> tuple[NDArray[np.float64], ...]:
        """How many rows have each code."""
        return self.categories.marginals

    @property
    def positions(self) -> tuple[Positions, ...]:
        """Categories have none."""
        return (None,) * len(self.sizes)

    def encode(self, values: pd.Series) -> Codes:
        """Shape ``(rows, 1)``; raises ``DataError`` for a missing value where the column is not nullable."""
        return self.categories.encode(values.astype("boolean"))

    def decode(self, codes: Codes, random: np.random.Generator) -> pd.Series:
        """Values of dtype ``boolean``."""
        text = self.categories.decode(codes, random)
        return (text == "true").astype("boolean").mask(text.isna().to_numpy(dtype=bool))

    @property
    def never(self) -> frozenset[int]:
        """A missing that was never seen."""
        return self.categories.never

    def codes_of(self, values: frozenset[str]) -> tuple[CodeSet, ...]:
        """The codes of "false" and "true", in any case."""
        return self.categories.codes_of(frozenset(value.lower() for value in values))

    def to_json(self) -> Mapping[str, Any]:
        """Counts of false, true and missing."""
        return self.categories.to_json()

    @classmethod
    def from_json(cls, column: Column, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises ``DataError`` for anything else."""
        categories = CategoricalCodec.from_json(_as_categorical(column), content)
        if categories.values != BOOLEANS:
            raise broken(f"the codec of column {column.name!r}", "values must be false and true")
        return cls(column, categories)


def _as_categorical(column: Column) -> Column:
    return replace(column, kind="categorical", categories=BOOLEANS)
